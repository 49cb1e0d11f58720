/** The column between line numbers and code: which lines of it are on screen, and where. Redrawn with the editor's scrolling. */
import type { editor as MonacoEditor } from 'monaco-editor/editor';
import { shallowRef, type Ref, type ShallowRef } from 'vue';
import { formatHex } from '../../components/format';
import type { GutterLine } from './gutter';

/** Editors narrower than this show addresses without bytes. */
const WIDE = 640;
const PLAIN_WIDTH = 12;
const ADDRESS_WIDTH = 92;
const BYTES_WIDTH = 212;

interface GutterSource {
  editor: Readonly<ShallowRef<MonacoEditor.IStandaloneCodeEditor | null>>;
  host: Readonly<Ref<HTMLElement | null>>;
  isCode: Readonly<Ref<boolean>>;
  lines: Readonly<Ref<ReadonlyMap<number, GutterLine>>>;
  scale(): number;
  /** Monaco's id of the option, once it is loaded */
  lineHeightOption(): MonacoEditor.EditorOption.lineHeight | null;
}

export function useGutter({ editor, host, isCode, lines, scale, lineHeightOption }: GutterSource) {
  /** what is on screen; `top` in pixels from the editor's upper edge */
  const gutter = shallowRef<{ top: number; address: string; bytes: string }[]>([]);
  const gutterBox = shallowRef({ left: 0, height: 18, bytes: true });

  function drawGutter(): void {
    const option = lineHeightOption();
    const shown = editor.value;
    if (!shown?.getModel() || option === null || !isCode.value) {
      gutter.value = [];
      return;
    }
    const scroll = shown.getScrollTop();
    const drawn: typeof gutter.value = [];
    for (const { startLineNumber, endLineNumber } of shown.getVisibleRanges()) {
      for (let line = startLineNumber; line <= endLineNumber; line++) {
        const made = lines.value.get(line);
        if (made) drawn.push({ top: shown.getTopForLineNumber(line) - scroll, address: formatHex(made.address), bytes: made.bytes });
      }
    }
    gutter.value = drawn;
    gutterBox.value = { ...gutterBox.value, left: shown.getLayoutInfo().decorationsLeft, height: shown.getOption(option) };
  }

  /** Makes room for the column, with bytes where the editor is wide enough. */
  function arrangeGutter(): void {
    const bytes = (host.value?.clientWidth ?? 0) > WIDE;
    editor.value?.updateOptions({
      glyphMargin: isCode.value,
      lineDecorationsWidth: isCode.value ? Math.round((bytes ? BYTES_WIDTH : ADDRESS_WIDTH) * scale()) : PLAIN_WIDTH,
    });
    gutterBox.value = { ...gutterBox.value, bytes };
    drawGutter();
  }

  return { gutter, gutterBox, arrangeGutter, drawGutter };
}
