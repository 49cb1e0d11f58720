/** Diagnostics with their places, limits, symbols, line map and listing: what NASM's bytes do not show. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assemble, listing } from './index';

const build = (source: string, defines?: Record<string, number>): ReturnType<typeof assemble> =>
  assemble({ 'main.asm': source }, 'main.asm', { defines });
const problems = (source: string): string[] =>
  build(source).diagnostics.map(({ code, line, column, endColumn }) => `${code} ${line}:${column}-${endColumn}`);

describe('diagnostics', () => {
  const cases: [name: string, source: string, expected: string][] = [
    ['an unknown instruction', 'mvo eax, 1', 'asm-unknown-instruction 1:1-4'],
    ['an unknown instruction behind a label', 'a: nop\nb: foo eax', 'asm-unknown-instruction 2:4-7'],
    ['an instruction misspelt and alone', '  hltt', 'asm-unknown-instruction 1:3-7'],
    ['an undefined symbol', 'bits 32\n  mov eax, nowhere', 'asm-undefined-symbol 2:12-19'],
    ['a missing size', 'bits 32\nmov [eax], 5', 'asm-size-missing 2:5-10'],
    ['two memory operands', 'bits 32\nmov [eax], [ebx]', 'asm-two-memory-operands 2:12-17'],
    ['operands of different sizes', 'mov ax, bl', 'asm-operands 1:5-7'],
    ['the wrong number of operands', 'bits 32\nadd eax', 'asm-operand-count 2:1-4'],
    ['a 64-bit register in 32-bit code', 'bits 32\nmov rax, 1', 'asm-wrong-mode 2:5-8'],
    ['an instruction another mode has', 'bits 64\npusha', 'asm-wrong-mode 2:1-6'],
    ['a short jump too far', 'a: jmp short b\ntimes 200 nop\nb:', 'asm-out-of-reach 1:8-15'],
    ['a symbol defined twice', 'a: nop\na: nop', 'asm-symbol-redefined 2:1-2'],
    ['a bad number', 'db 12xyz', 'asm-bad-number 1:4-9'],
    ['an open string', 'db "abc', 'asm-unterminated-string 1:4-8'],
    ['a character without meaning', 'db 1 § 2', 'asm-unexpected-token 1:6-7'],
    ['a missing value', 'mov ax,', 'asm-expression-expected 1:8-9'],
    ['a missing bracket', 'mov ax, [bx', 'asm-token-expected 1:12-13'],
    ['a division by zero', 'db 1/0', 'asm-division-by-zero 1:5-6'],
    ['a negative times', 'times 5-6 db 0', 'asm-negative-count 1:1-6'],
    ['a bad alignment', 'align 3', 'asm-bad-align 1:1-6'],
    ['a missing file', '%include "no.inc"', 'asm-file-not-found 1:10-18'],
    ['a file outside the lab', '%include "../../etc/passwd"', 'asm-file-not-found 1:10-28'],
    ['a missing %endif', '%if 1\nnop', 'asm-unclosed-if 1:1-4'],
    ['a missing %endmacro', '%macro m 0\nnop', 'asm-unclosed-block 1:1-7'],
    ['a wrong number of macro parameters', '%macro m 2\nnop\n%endmacro\n m 1', 'asm-macro-parameters 4:2-3'],
    ['%error', '%error stop here', 'asm-user-error 1:1-7'],
    ['org given twice', 'org 1\norg 2', 'asm-org-twice 2:1-4'],
    ['data among reserved space', 'section .bss\ndb 1', 'asm-data-in-nobits 2:1-5'],
    ['a bad address', 'bits 32\nmov eax, [ebx*7]', 'asm-bad-address 2:10-17'],
    ['a bad 16-bit address', 'mov ax, [ax]', 'asm-bad-address 1:9-13'],
    ['a register in a constant', 'dd eax+1', 'asm-undefined-symbol 1:4-7'],
  ];
  for (const [name, source, expected] of cases) {
    it(`places ${name}`, () => {
      expect(problems(source)).toContain(expected);
      expect(build(source).ok).toBe(false);
    });
  }

  it('says everything in both languages', () => {
    for (const [, source] of cases) {
      for (const { message } of build(source).diagnostics) {
        expect(message.en.length).toBeGreaterThan(3);
        expect(message['zh-CN']).not.toBe('');
      }
    }
  });

  it('suggests the nearest instruction', () => {
    expect(build('mvo ax, 1').diagnostics[0]!.message.en).toContain('did you mean mov?');
  });

  it('shows a mistake inside a macro where the macro is called, and says where it was written', () => {
    const { diagnostics } = build('%macro m 1\n mov %1, nowhere\n%endmacro\nnop\n m ax');
    expect(diagnostics).toHaveLength(1);
    expect(diagnostics[0]).toMatchObject({ code: 'asm-undefined-symbol', line: 5, column: 2 });
  });

  it('goes on after a mistake and reports the next ones', () => {
    expect(problems('foo bar\nnop\nmov ax, bl\nbaz qux')).toEqual([
      'asm-unknown-instruction 1:1-4',
      'asm-operands 3:5-7',
      'asm-unknown-instruction 4:1-4',
    ]);
  });

  it('warns of numbers that are cut off', () => {
    const result = build('db 256\nmov al, 0x123');
    expect(result.ok).toBe(true);
    expect(result.diagnostics.map(({ code, line }) => `${code} ${line}`)).toEqual(['asm-number-too-wide 1', 'asm-number-too-wide 2']);
  });
});

describe('limits', () => {
  const bombs: [name: string, source: string, code: string][] = [
    ['a times bomb', 'times 0x7fffffff dd 0', 'asm-too-large'],
    ['nested times', 'times 60000 times 60000 db 0', 'asm-too-large'],
    ['a %rep bomb', '%rep 100000000\nnop\n%endrep', 'asm-too-many-repetitions'],
    ['nested %rep', '%rep 100000\n%rep 100000\nnop\n%endrep\n%endrep', 'asm-too-large'],
    ['a macro that calls itself', '%macro m 0\nm\nm\n%endmacro\nm', 'asm-macro-too-deep'],
    ['a file that includes itself', '%include "main.asm"', 'asm-include-too-deep'],
    [
      'a macro that doubles',
      Array.from({ length: 40 }, (_, n) => `%define a${n + 1} a${n}, a${n}`).join('\n') + '\n%define a0 1\ndb a40',
      'asm-too-large',
    ],
    ['parentheses without end', 'db ' + '('.repeat(19_000) + '1', 'asm-expression-too-deep'],
    ['minus signs without end', 'db ' + '-'.repeat(19_000) + '1', 'asm-expression-too-deep'],
    ['an image with a huge gap', 'section .text start=0\nnop\nsection .data start=0xF0000000\ndb 1', 'asm-too-large'],
    ['a thousand sections', Array.from({ length: 1000 }, (_, n) => `section .s${n}\ndb 1`).join('\n'), 'asm-too-many-sections'],
    ['a line of a million values', 'db ' + '1,'.repeat(500_000) + '1', 'asm-too-large'],
    ['a line continued for ever', 'db 1 \\\n'.repeat(200_000), 'asm-too-large'],
    ['a source of five million characters', ';'.repeat(5_000_000), 'asm-file-too-large'],
    ['a size that depends on itself', 'a: times b-a+1 db 0\nb:', 'asm-unstable'],
  ];
  for (const [name, source, code] of bombs) {
    it(`refuses ${name}`, () => {
      expect(build(source).diagnostics.map((diagnostic) => diagnostic.code)).toContain(code);
    });
  }

  it('takes a string of a million characters', () => {
    expect(build(`db "${'x'.repeat(1_000_000)}"`).bytes.length).toBe(1_000_000);
    expect(build(`db \`${'x'.repeat(1_000_000)}\``).bytes.length).toBe(1_000_000);
  });

  it('never throws, whatever the source', () => {
    const word = fc.constantFrom('mov', 'eax', '[', ']', ',', '%define', '%macro', '%endmacro', '%if', '%endif', '%rep', '%1', '(', ')', '1', '0x', '"', "'", '`', 'db', 'times', '$', '$$', ':', '.a', 'a', 'equ', '\\', 'struc', 'section', '?', 'dup', 'org', '-', '*', ';', 'jmp', 'far', 'dword', 'resb', '%%', '%include', 'incbin', '\n', '\n'); // prettier-ignore
    fc.assert(
      fc.property(fc.array(word, { maxLength: 60 }), (words) => {
        build(words.join(' '));
      }),
      { numRuns: 300 },
    );
    fc.assert(
      fc.property(fc.string({ maxLength: 80, unit: 'grapheme' }), (text) => {
        build(text);
      }),
      { numRuns: 200 },
    );
  });
});

describe('what comes out', () => {
  it('lets reserved space hold zeros written as data, and nothing else', () => {
    const { ok, sections } = build('nop\nsection .bss\ndb 0, 0\ntimes 6 db 0\nalign 16\nresb 4');
    expect(ok).toBe(true);
    expect(sections.find(({ name }) => name === '.bss')).toMatchObject({ size: 20, nobits: true });
  });

  it('takes defines from outside', () => {
    expect([...build('bits 32\nmov eax, VICTIM_HPA', { VICTIM_HPA: 0x1234_5000 }).bytes]).toEqual([0xb8, 0x00, 0x50, 0x34, 0x12]);
  });

  it('lists symbols with address, section and place', () => {
    const { symbols, origin } = build('org 0x7C00\nstart: nop\n.here: nop\nfive equ 5\nsection .bss\nbuffer: resb 4');
    expect(origin).toBe(0x7c00);
    expect(symbols).toMatchObject({
      start: { value: 0x7c00, section: '.text', kind: 'label', line: 2 },
      'start.here': { value: 0x7c01 },
      five: { value: 5, section: null, kind: 'equ' },
      buffer: { value: 0x7c04, section: '.bss' },
    });
  });

  it('maps addresses to lines and back, macro bodies to the call', () => {
    const { lineMap } = build('%macro twice 0\nnop\nnop\n%endmacro\norg 0x100\nmov ax, 1\ntwice\n; comment\nhlt\ntext: db "hi"');
    expect(lineMap.at(0x100)).toMatchObject({ line: 6, length: 3, kind: 'code' });
    expect(lineMap.at(0x102)?.line).toBe(6);
    expect(lineMap.at(0x103)?.line).toBe(7);
    expect(lineMap.at(0x104)?.line).toBe(7);
    expect(lineMap.at(0x106)).toMatchObject({ line: 10, kind: 'data' });
    expect(lineMap.at(0x108)).toBeUndefined();
    expect(lineMap.breakpoint('main.asm', 8)?.address).toBe(0x105);
    expect(lineMap.breakpoint('main.asm', 10)).toBeUndefined();
  });

  it('includes files beside the one that names them, and binaries', () => {
    const files = {
      'guest/main.asm': '%include "part.inc"\nincbin "data.bin", 1, 2',
      'guest/part.inc': 'db 1\n%include "top.inc"',
      'top.inc': 'db 2',
      'guest/data.bin': Uint8Array.of(7, 8, 9, 10),
    };
    const result = assemble(files, 'guest/main.asm');
    expect(result.diagnostics).toEqual([]);
    expect([...result.bytes]).toEqual([1, 2, 8, 9]);
  });

  it('makes a listing', () => {
    const source = 'bits 32\norg 0x10_0000\nstart: mov eax, 1 ; one\n jmp start\ntimes 40 db 0xAA';
    expect(listing(build(source), 'main.asm', source).split('\n').slice(0, 6)).toEqual([
      '     1                                bits 32',
      '     2                                org 0x10_0000',
      '     3 00100000 B801000000            start: mov eax, 1 ; one',
      '     4 00100005 EBF9                   jmp start',
      '     5 00100007 AAAAAAAAAAAAAAAAAA    times 40 db 0xAA',
      '       00100010 AAAAAAAAAAAAAAAAAA',
    ]);
  });
});
