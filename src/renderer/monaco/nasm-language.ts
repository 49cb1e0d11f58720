/** NASM for the editor: how its words are told apart. Colours are nearly neutral (styles/tokens.css, `--syn-*`). */
import type { languages } from 'monaco-editor/editor';

const numbered = (prefix: string, from: number, to: number, suffix = ''): string[] =>
  Array.from({ length: to - from + 1 }, (_, index) => `${prefix}${from + index}${suffix}`);
const REGISTERS: readonly string[] = [
  ...['ax', 'bx', 'cx', 'dx', 'si', 'di', 'bp', 'sp', 'ip'].flatMap((name) => [name, `e${name}`, `r${name}`]),
  ...['al', 'ah', 'bl', 'bh', 'cl', 'ch', 'dl', 'dh', 'sil', 'dil', 'bpl', 'spl', 'cs', 'ds', 'es', 'fs', 'gs', 'ss'],
  ...['', 'd', 'w', 'b'].flatMap((suffix) => numbered('r', 8, 15, suffix)),
  ...numbered('cr', 0, 8), ...numbered('dr', 0, 7), ...numbered('st', 0, 7), ...numbered('mm', 0, 7), ...numbered('xmm', 0, 15),
]; // prettier-ignore
const DIRECTIVES = [
  'bits', 'use16', 'use32', 'org', 'section', 'segment', 'align', 'alignb', 'default', 'global', 'extern', 'common', 'absolute', 'cpu', 'float',
  'db', 'dw', 'dd', 'dq', 'dt', 'do', 'resb', 'resw', 'resd', 'resq', 'rest', 'equ', 'times', 'incbin', 'istruc', 'at', 'iend', 'struc', 'endstruc',
]; // prettier-ignore
const SIZES = ['byte', 'word', 'dword', 'qword', 'tword', 'oword', 'short', 'near', 'far', 'strict', 'rel', 'abs', 'ptr', 'to', 'nosplit'];

export const LANGUAGE_ID = 'nasm';

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

const WORD = '[.%]?[A-Za-z_?@$][\\w$#@~.?]*';
const LABEL = '[.\\w$?@~#]+';
const firstWord = { cases: { '@directives': 'directive', '@default': 'mnemonic' } };

/** The first word of a line is a label (with a colon, or before data), an instruction or a directive; what follows are operands. */
export const grammar: languages.IMonarchLanguage = {
  ignoreCase: true,
  defaultToken: '',
  directives: DIRECTIVES,
  sizes: SIZES,
  registers: REGISTERS,
  tokenizer: {
    root: [
      [new RegExp(`^(\\s*)(%%[\\w.$?@~#]+)(\\s*:\\s*)(${WORD})`), ['', 'label', 'punct', firstWord]],
      [/^\s*%[\w.?!+]+/, 'directive'],
      [new RegExp(`^(\\s*)(${LABEL})(\\s*:\\s*)(${WORD})`), ['', 'label', 'punct', firstWord]],
      [new RegExp(`^(\\s*)(${LABEL})(\\s*:)`), ['', 'label', 'punct']],
      [new RegExp(`^(${LABEL})(\\s+)(equ|d[bwdqto]|res[bwdqt]|times|istruc)(?=\\s)`), ['label', '', 'directive']],
      [new RegExp(`^(\\s*)(rep|repe|repz|repne|repnz|lock)(\\s+)(${WORD})`), ['', 'mnemonic', '', 'mnemonic']],
      [new RegExp(`^(\\s*)(${WORD})`), ['', firstWord]],
      [/[ \t]+/, ''],
      [/;.*$/, 'comment'],
      [/"[^"]*("|$)|'[^']*('|$)/, 'string'],
      [/`(?:[^`\\]|\\.)*(`|$)/, 'string'],
      [/(?:0[xh][\da-f_]+|\$\d[\da-f_]*|\d[\da-f_]*h|0[bqod][\d_]+|[01][01_]*b|[0-7][0-7_]*[oq]|\d[\d_]*(?:\.\d+)?)\b/, 'number'],
      [/%%?\$?\d?[\w.?]*/, 'directive'],
      [
        /[.a-z_?@$][\w$#@~.?]*/,
        { cases: { '@sizes': 'directive', '@directives': 'directive', '@registers': 'register', '@default': 'identifier' } },
      ],
      [/[[\](),:+\-*/|&^~<>!=?\\]/, 'punct'],
      [/./, ''],
    ],
  },
};
