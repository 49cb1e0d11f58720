/** NASM for the editor: how its words are told apart. Colours are nearly neutral (styles/tokens.css, `--syn-*`). */
import type { languages } from 'monaco-editor/editor';

const REGISTERS =
  /^([re]?(ax|bx|cx|dx|si|di|bp|sp|ip)|[abcd][hl]|(si|di|bp|sp)l|r(8|9|1[0-5])[dwb]?|[cdefgs]s|cr[0-8]|dr[0-7]|st[0-7]|mm[0-7]|[xyz]mm([12]?[0-9]|3[01]))$/;
const DIRECTIVES = [
  'bits', 'use16', 'use32', 'org', 'section', 'segment', 'align', 'alignb', 'default', 'global', 'extern', 'common', 'absolute', 'cpu', 'float',
  'db', 'dw', 'dd', 'dq', 'dt', 'do', 'resb', 'resw', 'resd', 'resq', 'rest', 'equ', 'times', 'incbin', 'istruc', 'at', 'iend', 'struc', 'endstruc',
]; // prettier-ignore
const SIZES = ['byte', 'word', 'dword', 'qword', 'tword', 'oword', 'short', 'near', 'far', 'strict', 'rel', 'abs', 'ptr', 'to', 'nosplit'];

export const LANGUAGE_ID = 'nasm';

export const isRegister = (word: string): boolean => REGISTERS.test(word.toLowerCase());

export const configuration: languages.LanguageConfiguration = {
  comments: { lineComment: ';' },
  brackets: [
    ['[', ']'],
    ['(', ')'],
  ],
  autoClosingPairs: [
    { open: '[', close: ']' },
    { open: '(', close: ')' },
    { open: '"', close: '"', notIn: ['string', 'comment'] },
    { open: "'", close: "'", notIn: ['string', 'comment'] },
  ],
  wordPattern: /[%.]?[A-Za-z_?@$][\w$#@~.?]*|-?\d[\w]*/,
};

/** A word at the beginning of a line with a colon is a label; the first other word is the instruction or directive. */
export const grammar: languages.IMonarchLanguage = {
  ignoreCase: true,
  defaultToken: '',
  directives: DIRECTIVES,
  sizes: SIZES,
  tokenizer: {
    root: [
      [/^\s*%[\w.?!+]+/, 'directive', '@operands'],
      [/^\s*[.\w$?@~#]+(?=\s*:)/, 'label'],
      [/:/, 'punct'],
      [/^[.\w$?@~#]+(?=\s+(?:equ|db|dw|dd|dq|dt|resb|resw|resd|resq|times|istruc)\b)/, 'label'],
      [/\s+/, ''],
      [/;.*$/, 'comment'],
      [/\[/, 'punct', '@operands'],
      [/(?:rep|repe|repz|repne|repnz|lock)\b/, 'mnemonic'],
      [/[.%]?[a-z_?@$][\w$#@~.?]*/, { cases: { '@directives': { token: 'directive', next: '@operands' }, '@default': { token: 'mnemonic', next: '@operands' } } }],
      { include: '@values' },
    ],
    operands: [
      [/$/, '', '@pop'],
      [/;.*$/, 'comment', '@pop'],
      [/\\$/, 'punct'],
      { include: '@values' },
    ],
    values: [
      [/[ \t]+/, ''],
      [/"[^"]*("|$)|'[^']*('|$)/, 'string'],
      [/`(?:[^`\\]|\\.)*(`|$)/, 'string'],
      [/(?:0[xh][\da-f_]+|\$\d[\da-f_]*|\d[\da-f_]*h|0[bqod][\d_]+|[01][01_]*b|[0-7][0-7_]*[oq]|\d[\d_]*(?:\.\d+)?)\b/, 'number'],
      [/%%?\$?\d?[\w.?]*/, 'directive'],
      [/[.a-z_?@$][\w$#@~.?]*/, {
        cases: {
          '@sizes': 'directive',
          '@directives': 'directive',
          '[re]?(ax|bx|cx|dx|si|di|bp|sp|ip)|[abcd][hl]|(si|di|bp|sp)l|r(8|9|1[0-5])[dwb]?|[cdefgs]s|cr[0-8]|dr[0-7]|st[0-7]|mm[0-7]': 'register',
          '@default': 'identifier',
        },
      }],
      [/[[\](),:+\-*/|&^~<>!=?]/, 'punct'],
      [/./, ''],
    ],
  },
}; // prettier-ignore
