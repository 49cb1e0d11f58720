/** Names: aliases of mnemonics, prefixes, the string instructions, and what to suggest for a misspelt one. */
import { AssemblyError, type Place } from './diagnostics';
import { instructionForms, type Bits } from './encoder';

/** Other names for the same instruction. */
export const ALIASES: Readonly<Record<string, string>> = {
  jz: 'je', jnz: 'jne', jc: 'jb', jnae: 'jb', jnc: 'jae', jnb: 'jae', jna: 'jbe', jnbe: 'ja', jpe: 'jp', jpo: 'jnp', jnge: 'jl', jnl: 'jge', jng: 'jle', jnle: 'jg',
  setz: 'sete', setnz: 'setne', setc: 'setb', setnae: 'setb', setnc: 'setae', setnb: 'setae', setna: 'setbe', setnbe: 'seta', setpe: 'setp', setpo: 'setnp', setnge: 'setl', setnl: 'setge', setng: 'setle', setnle: 'setg',
  cmovz: 'cmove', cmovnz: 'cmovne', cmovc: 'cmovb', cmovnae: 'cmovb', cmovnc: 'cmovae', cmovnb: 'cmovae', cmovna: 'cmovbe', cmovnbe: 'cmova', cmovpe: 'cmovp', cmovpo: 'cmovnp', cmovnge: 'cmovl', cmovnl: 'cmovge', cmovng: 'cmovle', cmovnle: 'cmovg',
  loopz: 'loope', loopnz: 'loopne', sal: 'shl', retn: 'ret', fwait: 'wait', icebp: 'int1', iretw: 'iret', pushaw: 'pusha', popaw: 'popa', pushfw: 'pushf', popfw: 'popf',
}; // prettier-ignore

/** Without a suffix these mean the size of the code they stand in. */
export const NATURAL: Readonly<Record<string, Readonly<Record<Bits, string>>>> = {
  iret: { 16: 'iret', 32: 'iretd', 64: 'iretd' },
  pusha: { 16: 'pusha', 32: 'pushad', 64: 'pushad' },
  popa: { 16: 'popa', 32: 'popad', 64: 'popad' },
  pushf: { 16: 'pushf', 32: 'pushfd', 64: 'pushfq' },
  popf: { 16: 'popf', 32: 'popfd', 64: 'popfq' },
};

/** String instructions have implicit operands: opcode, and operand size in bits. */
export const STRINGS: Readonly<Record<string, readonly [opcode: number, bits: number]>> = {
  movsb: [0xa4, 8], movsw: [0xa5, 16], movsd: [0xa5, 32], movsq: [0xa5, 64],
  cmpsb: [0xa6, 8], cmpsw: [0xa7, 16], cmpsd: [0xa7, 32], cmpsq: [0xa7, 64],
  stosb: [0xaa, 8], stosw: [0xab, 16], stosd: [0xab, 32], stosq: [0xab, 64],
  lodsb: [0xac, 8], lodsw: [0xad, 16], lodsd: [0xad, 32], lodsq: [0xad, 64],
  scasb: [0xae, 8], scasw: [0xaf, 16], scasd: [0xaf, 32], scasq: [0xaf, 64],
  insb: [0x6c, 8], insw: [0x6d, 16], insd: [0x6d, 32],
  outsb: [0x6e, 8], outsw: [0x6f, 16], outsd: [0x6f, 32],
  xlatb: [0xd7, 8], xlat: [0xd7, 8],
}; // prettier-ignore

/** Returns with the operand size in their name. */
export const SIZED_RETURNS: Readonly<Record<string, readonly [mnemonic: string, bits: number]>> = {
  retw: ['ret', 16], retnw: ['ret', 16], retfw: ['retf', 16], retd: ['ret', 32], retnd: ['ret', 32], retfd: ['retf', 32],
}; // prettier-ignore

export const PREFIXES: Readonly<Record<string, number>> = { lock: 0xf0, rep: 0xf3, repe: 0xf3, repz: 0xf3, repne: 0xf2, repnz: 0xf2 };
export const SIZE_PREFIXES: ReadonlySet<string> = new Set(['o16', 'o32', 'o64', 'a16', 'a32', 'a64']);
export const SEGMENT_PREFIXES: Readonly<Record<string, number>> = { es: 0x26, cs: 0x2e, ss: 0x36, ds: 0x3e, fs: 0x64, gs: 0x65 };

/** Is this a mnemonic of the instruction set (any legacy encoding)? */
export function isMnemonic(word: string): boolean {
  return word in STRINGS || word in ALIASES || word in SIZED_RETURNS || instructionForms().has(word);
}

/** Smallest number of single-letter edits, for suggestions; words are short. */
function distance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let i = 1; i <= left.length; i++) {
    const next = [i];
    for (let j = 1; j <= right.length; j++) {
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (left[i - 1] === right[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[right.length]!;
}

const COMMON = ['mov', 'add', 'sub', 'cmp', 'and', 'or', 'xor', 'not', 'neg', 'inc', 'dec', 'mul', 'imul', 'div', 'idiv', 'shl', 'shr', 'sar', 'rol', 'ror', 'push', 'pop', 'call', 'ret', 'jmp', 'je', 'jne', 'jz', 'jnz', 'ja', 'jb', 'jc', 'jnc', 'jae', 'jbe', 'jg', 'jl', 'jge', 'jle', 'loop', 'lea', 'test', 'xchg', 'in', 'out', 'int', 'iret', 'iretd', 'cli', 'sti', 'cld', 'std', 'hlt', 'nop', 'lgdt', 'lidt', 'lldt', 'ltr', 'sgdt', 'sidt', 'invlpg', 'movzx', 'movsx', 'stosb', 'stosd', 'movsb', 'movsd', 'lodsb', 'rep', 'pusha', 'popa', 'pushf', 'popf', 'cpuid', 'rdtsc', 'db', 'dw', 'dd', 'dq', 'resb', 'resd', 'times', 'equ', 'align', 'section', 'org', 'bits']; // prettier-ignore

export function unknownInstruction(word: string, place: Place): AssemblyError {
  const near = COMMON.map((name) => ({ name, away: distance(word.toLowerCase(), name) })).sort((left, right) => left.away - right.away)[0]!;
  const hint = near.away <= 2 && near.away < word.length ? near.name : null;
  return new AssemblyError('asm-unknown-instruction', place, {
    en: `${word} is no instruction, directive or macro${hint ? `: did you mean ${hint}?` : '. A label needs a colon'}`,
    'zh-CN': `${word} 不是指令、伪指令或宏${hint ? `：是否想写 ${hint}？` : '。标号后面需要冒号'}`,
  });
}
