/** The editor's colours, taken from the design tokens that are in force. */
import type { editor } from 'monaco-editor/editor';

/** `#rrggbb` of a custom property on the root element; the minifier shortens `#ffffff` to `#fff`, which Monaco does not take. */
export function themeColour(name: string): string {
  const colour = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  return colour.length === 4 ? colour.replace(/[0-9a-f]/gi, '$&$&') : colour;
}
const token = themeColour;
const bare = (name: string): string => token(name).replace('#', '');

export function themeFromTokens(dark: boolean): editor.IStandaloneThemeData {
  return {
    base: dark ? 'vs-dark' : 'vs',
    inherit: false,
    rules: [
      { token: '', foreground: bare('--text') },
      { token: 'mnemonic', foreground: bare('--syn-mnemonic'), fontStyle: 'bold' },
      { token: 'register', foreground: bare('--syn-register') },
      { token: 'number', foreground: bare('--syn-number') },
      { token: 'string', foreground: bare('--syn-string') },
      { token: 'comment', foreground: bare('--syn-comment'), fontStyle: 'italic' },
      { token: 'directive', foreground: bare('--syn-directive') },
      { token: 'label', foreground: bare('--syn-label') },
      { token: 'identifier', foreground: bare('--syn-label') },
      { token: 'punct', foreground: bare('--syn-punct') },
      // the lab file (YAML)
      { token: 'type', foreground: bare('--syn-directive') },
      { token: 'tag', foreground: bare('--syn-directive') },
      { token: 'operators', foreground: bare('--syn-punct') },
      { token: 'delimiter', foreground: bare('--syn-punct') },
      { token: 'keyword', foreground: bare('--syn-number') },
    ],
    colors: {
      'editor.background': token('--bg-panel'),
      'editor.foreground': token('--text'),
      'editorLineNumber.foreground': token('--text-3'),
      'editorLineNumber.activeForeground': token('--text'),
      'editorCursor.foreground': token('--text'),
      'editor.selectionBackground': token('--bg-active'),
      'editor.inactiveSelectionBackground': token('--bg-selected'),
      'editor.lineHighlightBackground': token('--bg-sunken'),
      'editor.lineHighlightBorder': '#00000000',
      'editor.wordHighlightBackground': token('--bg-active'),
      'editor.findMatchBackground': token('--changed-bg'),
      'editor.findMatchHighlightBackground': token('--bg-active'),
      'editorBracketMatch.background': token('--bg-active'),
      'editorBracketMatch.border': token('--border-control'),
      'editorWidget.background': token('--bg-raised'),
      'editorWidget.border': token('--border-strong'),
      'editorWidget.foreground': token('--text'),
      'editorHoverWidget.background': token('--bg-raised'),
      'editorHoverWidget.border': token('--border-strong'),
      'editorSuggestWidget.background': token('--bg-raised'),
      'editorSuggestWidget.selectedBackground': token('--bg-selected'),
      'editorSuggestWidget.selectedForeground': token('--text'),
      'editorError.foreground': token('--status-breached-solid'),
      'editorWarning.foreground': token('--status-warning-solid'),
      'editorIndentGuide.background1': token('--border-subtle'),
      'scrollbarSlider.background': `${token('--border-strong')}66`,
      'scrollbarSlider.hoverBackground': `${token('--border-strong')}99`,
      'scrollbarSlider.activeBackground': token('--border-strong'),
      'scrollbar.shadow': '#00000000',
      focusBorder: token('--focus'),
      'input.background': token('--bg-panel'),
      'input.foreground': token('--text'),
      'input.border': token('--border-control'),
      'menu.background': token('--bg-raised'),
      'menu.foreground': token('--text'),
      'menu.selectionBackground': token('--bg-active'),
      'menu.selectionForeground': token('--text'),
      'list.hoverBackground': token('--bg-hover'),
      'list.activeSelectionBackground': token('--bg-selected'),
      'list.activeSelectionForeground': token('--text'),
    },
  };
}
