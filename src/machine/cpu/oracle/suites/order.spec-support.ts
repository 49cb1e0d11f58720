/**
 * What happens in which order: instructions of 14 to 16 bytes, single steps and breakpoints around REP, MOV SS, STI and INT,
 * alignment, two things wrong with one instruction, strings and PUSHA at limits and pages, ports and the I/O bitmap.
 */
import { DATA, WINDOW, WINDOW_TABLE } from '../programs/layout.spec-support';
import { dwords, flat, gate, PLACE, segment, SELECTOR, type Halves, type Scene } from './scene.spec-support';

const CR0_AM = 0x4_0000;
const CR0_PG = 0x8000_0000;
const CR0_WP = 0x1_0000;
const CR4_DE = 8;
const TF = 0x100;
const AC = 0x4_0000;
const ODD = 0x40;
const limited = (limit: number, access = 0x93, flags = 4): Halves => segment(DATA, limit, access, flags);

// --- length -------------------------------------------------------------------------------------------------------------

/** Runs of prefixes up to and beyond 15 bytes, in one page and across two (SDM vol. 2, 2.3.11). */
export function lengthScenes(): Scene[] {
  const scenes: Scene[] = [];
  const tails: Readonly<Record<string, number[]>> = {
    nop: [0x90],
    'inc [ebx]': [0xff, 0x03],
    'mov eax, imm': [0xb8, 1, 2, 3, 4],
    'add [disp32], imm': [0x81, 0x05, 0, 4, 0, 0, 1, 0, 0, 0],
    ud2: [0x0f, 0x0b],
    'lock nop': [0xf0, 0x90],
    'undefined 0f': [0x0f, 0x0a],
    'rep movsb': [0xf3, 0xa4],
    jmp: [0xeb, 0],
  };
  const prefixes: Readonly<Record<string, number[]>> = { 'cs': [0x2e], ds: [0x3e], '66': [0x66], '67': [0x67], rep: [0xf3], lock: [0xf0], mixed: [0x66, 0x2e, 0x67, 0x64, 0xf2] }; // prettier-ignore
  for (const bits of [16, 32] as const)
    for (const [tail, end] of Object.entries(tails))
      for (const [prefix, run] of Object.entries(prefixes))
        for (const length of [14, 15, 16]) {
          if (end.length >= length) continue;
          const bytes = [...Array.from({ length: length - end.length }, (_, index) => run[index % run.length]!), ...end];
          const text = `db ${bytes.join(',')}\nnop\nnop\nnop\nnop\nnop\nnop\nnop\nnop`;
          const name = `${bits}-bit ${tail}, ${length} bytes of ${prefix}`;
          scenes.push({ name, bits, code: text, base: DATA });
          if (prefix === 'ds' || prefix === 'mixed') {
            scenes.push({ name: `${name}, across a page`, bits, base: DATA, code: text, offset: 0x80 - 7 });
            // the limit of CS in the middle of it
            const limit = 0x4f80 + 12;
            scenes.push({ name: `${name}, beyond the limit`, bits, base: DATA, code: text, descriptors: () => ({ [SELECTOR.code]: segment(DATA, limit, 0x9b, bits === 32 ? 4 : 0) }) }); // prettier-ignore
          }
        }
  return scenes;
}

// --- steps and breakpoints ----------------------------------------------------------------------------------------------

/** DR7 with breakpoint 0. @param kind 0 execute, 1 write, 2 I/O, 3 read or write @param size its length field */
const control = (kind: number, size: number, more = 0): number => (0x400 | 2 | (kind << 16) | (size << 18) | more) >>> 0;

export function debugScenes(): Scene[] {
  const scenes: Scene[] = [];
  const bodies: Readonly<Record<string, string>> = {
    'rep movsb': 'mov ecx,3\nhit: rep movsb\nnop\nnop',
    'rep movsb, none': 'mov ecx,0\nhit: rep movsb\nnop\nnop',
    'repe cmpsb': 'mov ecx,5\nhit: repe cmpsb\nnop\nnop',
    lodsb: 'hit: lodsb\nnop\nnop',
    'mov ss': 'mov ax,ss\nnop\nhit: mov ss,ax\ninc ecx\ninc edx\nnop',
    'mov ss twice': 'mov ax,ss\nnop\nhit: mov ss,ax\nmov ss,ax\ninc edx\nnop',
    'pop ss': 'push ss\nhit: pop ss\ninc ecx\ninc edx',
    lss: `mov dword [ebx],0x1700\nmov word [ebx+4],ss\nhit: lss esp,[ebx]\ninc ecx\ninc edx`,
    'mov ss, then int3': 'mov ax,ss\nhit: mov ss,ax\nint3\nnop',
    'mov ss, then a write': 'mov ax,ss\nhit: mov ss,ax\nmov [ebx],eax\nnop',
    'mov ss from memory': 'mov [ebx],ss\nnop\nhit: mov ss,[ebx]\ninc ecx\ninc edx',
    sti: 'hit: sti\ninc ecx\ninc edx',
    'sti, then mov ss': 'mov ax,ss\nsti\nhit: mov ss,ax\ninc edx\nnop',
    'mov [ebx], eax': 'hit: mov [ebx],eax\nnop\nnop',
    'mov eax, [ebx]': 'hit: mov eax,[ebx]\nnop\nnop',
    'inc dword [ebx]': 'hit: inc dword [ebx]\nnop\nnop',
    'xchg [ebx], eax': 'hit: xchg [ebx],eax\nnop\nnop',
    'cmpxchg [ebx], ecx': 'hit: cmpxchg [ebx],ecx\nnop\nnop',
    'push [ebx]': 'hit: push dword [ebx]\nnop\nnop',
    'bts [ebx], 33': 'mov eax,33\nhit: bts [ebx],eax\nnop',
    'movsd into it': 'lea edi,[ebx-2]\nhit: movsd\nnop',
    'write beside it': 'hit: mov [ebx-1],al\nnop\nmov [ebx+4],al\nnop',
    'write across it': 'hit: mov [ebx-3],eax\nnop\nnop',
    int3: 'hit: int3\nnop',
    'int 30h': 'hit: int 0x30\nnop',
    into: 'mov al,0x7f\nadd al,1\nhit: into\nnop',
    icebp: 'hit: db 0xf1\nnop',
    ud2: 'hit: ud2\nnop',
    'a page not there': 'hit: mov eax,[fs:0x20000]\nnop',
    'popfd with TF': 'pushfd\nor dword [esp],0x100\nhit: popfd\ninc ecx\ninc edx',
    'popfd without TF': 'pushfd\nand dword [esp],~0x100\nhit: popfd\ninc ecx\ninc edx',
    'iretd with TF': 'push dword 0x102\npush cs\npush dword next\nhit: iretd\nnop\nnext: inc ecx\ninc edx',
    'iretd with RF': 'push dword 0x10002\npush cs\npush dword next\nnop\niretd\nnop\nnext:\nhit: inc ecx\ninc edx',
    jump: 'jmp hit\nnop\nhit: inc ecx\ninc edx',
    call: 'hit: call next\nnop\nnext: inc ecx\ninc edx',
    'mov eax, dr7': 'hit: mov eax,dr7\nnop',
    'mov dr7, eax': 'mov eax,dr7\nhit: mov dr7,eax\nnop',
    'mov eax, dr6': 'hit: mov eax,dr6\nnop\nnop',
    'mov dr4': 'hit: mov eax,dr4\nnop',
    'mov to dr5': 'mov eax,0x400\nhit: mov dr5,eax\nnop',
    out: 'hit: out 0x80,al\nnop\nnop',
    'out dx, eax': 'hit: out dx,eax\nnop\nnop',
    'rep outsb': 'mov ecx,3\nhit: rep outsb\nnop',
  };
  const settings: Readonly<Record<string, Partial<Scene>>> = {
    TF: { eflags: TF },
    execute: { debug: (at) => [DATA + at('hit'), 0, 0, 0, control(0, 0)] },
    'execute, not enabled': { debug: (at) => [DATA + at('hit'), 0, 0, 0, 0x400] },
    'execute and TF': { eflags: TF, debug: (at) => [DATA + at('hit'), 0, 0, 0, control(0, 0)] },
    'write of 4': { debug: () => [DATA + PLACE.data, 0, 0, 0, control(1, 3)] },
    'write of 1': { debug: () => [DATA + PLACE.data + 2, 0, 0, 0, control(1, 0)] },
    'read or write of 2': { debug: () => [DATA + PLACE.data, 0, 0, 0, control(3, 1)] },
    'read or write of 4 and TF': { eflags: TF, debug: () => [DATA + PLACE.data, 0, 0, 0, control(3, 3)] },
    GD: { debug: () => [0, 0, 0, 0, 0x2400] },
    'GD and TF': { eflags: TF, debug: () => [0, 0, 0, 0, 0x2400] },
    DE: { cr4: CR4_DE },
    'I/O of 1': { cr4: CR4_DE, debug: () => [0x80, 0, 0, 0, control(2, 0)] },
    'I/O of 4': { cr4: CR4_DE, debug: () => [0x80, 0, 0, 0, control(2, 3)] },
    'kind 2 without DE': { debug: () => [DATA + PLACE.data, 0, 0, 0, control(2, 3)] },
  };
  for (const [body, code] of Object.entries(bodies))
    for (const [setting, more] of Object.entries(settings)) {
      const io = setting.startsWith('I/O') || setting === 'DE';
      if (io && !/out|dr/.test(body)) continue;
      if (setting.startsWith('GD') && !/dr/.test(body)) continue;
      scenes.push({
        name: `${body}: ${setting}`,
        base: DATA,
        code,
        descriptors: () => ({ [ODD]: limited(0xfff) }),
        selectors: { fs: ODD },
        ...more,
      });
    }
  return scenes;
}

// --- alignment ----------------------------------------------------------------------------------------------------------

/** #AC: each size at each offset, in ring 3 and where it does not count (SDM vol. 3, 6.15, interrupt 17). */
export function alignmentScenes(): Scene[] {
  const scenes: Scene[] = [];
  const accesses: Readonly<Record<string, string>> = {
    'mov al': 'mov al,[ebx]', 'mov ax': 'mov ax,[ebx]', 'mov eax': 'mov eax,[ebx]', 'mov to': 'mov [ebx],eax', 'add to': 'add [ebx],ax',
    'xchg': 'xchg [ebx],ecx', push: 'push dword [ebx]', pop: 'pop dword [ebx]', 'push imm': 'mov esp,ebx\npush dword 1', 'pusha': 'mov esp,ebx\npusha',
    'pushf 16': 'mov esp,ebx\npushfw', call: 'mov esp,ebx\ncall next\nnext: nop', movsw: 'mov esi,ebx\nmovsw', movsd: 'mov edi,ebx\nmovsd', 'cmpsd': 'mov esi,ebx\ncmpsd',
    'les': 'mov word [0x404],0\nles eax,[ebx]', 'lfs 16': 'mov word [0x402],0\nlfs ax,[ebx]', bound: 'bound eax,[ebx]', 'bts': 'mov eax,40\nbts [ebx],eax', 'btr imm': 'btr word [ebx],5',
    'cmpxchg8b': 'cmpxchg8b [ebx]', 'enter': 'mov esp,ebx\nenter 8,1', 'sgdt': 'sgdt [ebx]', 'sidt': 'sidt [ebx]', 'jmp far': 'jmp far [ebx]', 'xlat': 'xlatb', 'ret': 'mov esp,ebx\nret',
  }; // prettier-ignore
  for (const [name, code] of Object.entries(accesses))
    for (const at of [0, 1, 2, 3, 4]) {
      const scene: Scene = {
        name: `${name} at ${at}`,
        ring: 3,
        base: DATA,
        cr0: CR0_AM,
        eflags: AC,
        code,
        registers: { ebx: PLACE.data + at, eax: 5 },
      };
      scenes.push(scene);
      if (at === 1) {
        scenes.push({ ...scene, name: `${name}, AC clear`, eflags: 0 });
        scenes.push({ ...scene, name: `${name}, AM clear`, cr0: 0 });
        scenes.push({ ...scene, name: `${name}, ring 0`, ring: 0 });
        scenes.push({ ...scene, name: `${name}, beyond the limit`, descriptors: () => ({ [SELECTOR.data]: limited(PLACE.data + 1, 0xf3), [SELECTOR.stack]: limited(PLACE.data, 0xf3) }) }); // prettier-ignore
      }
    }
  return scenes;
}

// --- two faults, limits, pages --------------------------------------------------------------------------------------------

const PAGES = { present: 7, readOnly: 5, supervisor: 3, absent: 6 } as const;
type Page = keyof typeof PAGES;

/** Paging with a data page and the one behind it; code runs in low memory, mapped to itself. Selector ODD reaches them from 0. */
function paged(name: string, code: string, first: Page, second: Page, more: Partial<Scene> = {}): Scene {
  return {
    name, code, base: DATA, cr0: CR0_PG | CR0_WP,
    entries: [DATA | PAGES[first], (DATA + 0x1000) | PAGES[second], 0, 0, 0, 0, 0, 0],
    directory: [WINDOW_TABLE | 7, 0],
    selectors: { ds: ODD, es: ODD, ...(more.ring === 3 ? { ds: ODD | 3, es: ODD | 3 } : {}) },
    descriptors: () => ({ [ODD]: segment(WINDOW, 0xf_ffff, 0xf3, 0xc), 0x48: flat(0xf3) }),
    ...more,
  }; // prettier-ignore
}

/** Instructions that touch memory at EBX, ESI and EDI around the border of the two pages. */
const CROSSING: Readonly<Record<string, string>> = {
  'mov eax, [fffe]': 'mov eax,[0xffe]', 'mov [fffe], eax': 'mov [0xffe],eax', 'add [ffd], eax': 'add [0xffd],eax', 'xchg [fff], ax': 'xchg [0xfff],ax',
  'rep movsb up': 'mov esi,0x100\nmov edi,0xffc\nmov ecx,8\nrep movsb', 'rep movsb from': 'mov esi,0xffc\nmov edi,0x100\nmov ecx,8\nrep movsb',
  'rep movsd up': 'mov esi,0x100\nmov edi,0xff6\nmov ecx,4\nrep movsd', 'rep movsd down': 'std\nmov esi,0x100\nmov edi,0x1004\nmov ecx,4\nrep movsd',
  'rep stosw': 'mov edi,0xffb\nmov ecx,4\nrep stosw', 'rep stosd down': 'std\nmov edi,0x1006\nmov ecx,4\nrep stosd', 'rep lodsd': 'mov esi,0xff6\nmov ecx,4\nrep lodsd',
  'repne scasb': 'mov edi,0xffc\nmov ecx,8\nmov al,[0x10]\nrepne scasb', 'repe cmpsw': 'mov esi,0xffa\nmov edi,0xffa\nmov ecx,6\nrepe cmpsw', 'repe cmpsd apart': 'mov esi,0xff8\nmov edi,0x800\nmov ecx,4\nrepe cmpsd',
  'bts across': 'mov eax,0x8008\nbts [0],eax', 'bt far off': 'mov eax,0x7fff\nbt [0],eax', 'cmpxchg8b': 'cmpxchg8b [0xffc]', 'cmpxchg': 'cmpxchg [0xffe],ecx', xadd: 'xadd [0xffd],ecx',
  'lds': 'lds eax,[0xffc]', 'les 16': 'les ax,[0xffe]', bound: 'bound eax,[0xffc]', 'sgdt': 'sgdt [0xffd]', 'push [mem]': 'push dword [0xffe]', 'pop [mem]': 'push dword 1\npop dword [0xffe]',
  'inc in both': 'inc dword [0xffe]', shld: 'shld [0xffe],ecx,5', 'mov seg': 'mov [0xfff],ds', 'setz': 'cmp eax,eax\nsetz [0xfff]', 'adc carry': 'stc\nadc [0xfff],cx',
  'xlat': 'mov ebx,0xff8\nmov al,8\nxlatb', 'aam': 'mov [0xfff],al\naam 0', 'div': 'div dword [0xffe]', 'jmp [mem]': 'jmp [0xffe]', 'call [mem]': 'call [0xffe]', 'out': 'mov esi,0xffe\nmov edx,0x80\nmov ecx,4\nrep outsb',
}; // prettier-ignore

export function pageScenes(): Scene[] {
  const scenes: Scene[] = [];
  const pairs: [Page, Page][] = [['present', 'present'], ['present', 'absent'], ['absent', 'present'], ['present', 'readOnly'], ['readOnly', 'present'], ['present', 'supervisor'], ['supervisor', 'absent'], ['readOnly', 'absent']]; // prettier-ignore
  for (const [name, code] of Object.entries(CROSSING))
    for (const [first, second] of pairs)
      for (const ring of [0, 3] as const) {
        if (ring === 0 && (first === 'supervisor' || second === 'supervisor')) continue;
        // OUTS is not ring 3's: the suite ports has that
        scenes.push(
          paged(`${name}: ${first}, ${second}, ring ${ring}`, code, first, second, { ring, ...(ring === 3 ? { eflags: 0x3000 } : {}) }),
        );
      }
  for (const [name, code] of Object.entries(CROSSING))
    for (const limit of [0xffe, 0xfff, 0x1000])
      scenes.push({ name: `${name}: limit ${limit.toString(16)}`, base: DATA, code, selectors: { ds: ODD, es: ODD }, descriptors: () => ({ [ODD]: limited(limit) }) }); // prettier-ignore
  // a limit and a page, a type and a limit, a null selector and an operand that is not allowed: which comes first
  for (const [name, code] of Object.entries(CROSSING)) {
    scenes.push(
      paged(`${name}: limit and pages`, code, 'absent', 'absent', { descriptors: () => ({ [ODD]: segment(WINDOW, 0xffe, 0x93, 4) }) }),
    );
    scenes.push({
      name: `${name}: read-only and limit`,
      base: DATA,
      code,
      selectors: { ds: ODD, es: ODD },
      descriptors: () => ({ [ODD]: limited(0xffe, 0x91) }),
    });
    scenes.push({ name: `${name}: execute-only`, base: DATA, code, selectors: { ds: SELECTOR.data, es: 0 }, descriptors: () => ({ [ODD]: limited(0xffe, 0x99) }) }); // prettier-ignore
    scenes.push({ name: `${name}: null`, base: DATA, code, selectors: { ds: 0, es: 0 } });
  }
  return scenes;
}

/** The stack's end under what pushes and pops several things (SDM vol. 3, 6.6: nothing is left of what did not complete). */
export function stackScenes(): Scene[] {
  const scenes: Scene[] = [];
  const bodies: Readonly<Record<string, string>> = {
    pusha: 'pusha', 'pusha 16': 'pushaw', popa: 'popa', 'popa 16': 'popaw', push: 'push eax', 'push 16': 'push ax', pop: 'pop eax', 'pop 16': 'pop ax', 'pop [esp]': 'pop dword [esp]',
    'push [esp]': 'push dword [esp]', 'push esp': 'push esp', 'pop esp': 'pop esp', pushf: 'pushfd', popf: 'popfd', 'call near': 'call next\nnext: nop', ret: 'ret', 'ret 4': 'ret 4',
    'call far': `call ${SELECTOR.code}:next\nnext: nop`, retf: 'retf', iret: 'iretd', enter: 'enter 4,0;=c8 enter 32 r', 'enter 2': 'enter 4,2;=c8 enter 32 r', leave: 'mov ebp,esp\nleave', 'push ds 16': 'o16 push ds', 'pop ds': 'pop ds', int: 'int 0x30',
  }; // prettier-ignore
  // so that what is returned to by chance is beyond it
  const narrow = { [SELECTOR.code]: segment(DATA, 0x5fff, 0xfb, 4) };
  for (const [name, code] of Object.entries(bodies)) {
    for (const esp of [0, 1, 2, 3, 4, 6, 8, 15, 16, 17, 31, 32, 33, 0xffe, 0xfff, 0x1000, 0xffc, 0xfe0, 0xfe1, 0xff0])
      scenes.push({ name: `${name}, ESP ${esp.toString(16)}, to 0fff`, ring: 3, base: DATA, code, esp, descriptors: () => ({ ...narrow, [SELECTOR.stack]: limited(0xfff, 0xf3) }) }); // prettier-ignore
    for (const esp of [0, 2, 3, 4, 16, 32, 0xfffe, 0xffff, 0x1_0002])
      scenes.push({ name: `${name}, SP ${esp.toString(16)} of a 16-bit stack`, ring: 3, base: DATA, code, esp, descriptors: () => ({ ...narrow, [SELECTOR.stack]: segment(DATA - 0xf000, 0xffff, 0xf3, 0) }), patches: () => [{ at: DATA - 0xf000, bytes: new Array<number>(64).fill(0xff) }] }); // prettier-ignore
    for (const esp of [0x1000, 0x1001, 0x1002, 0x1004, 0x1010, 0x1020, 0x1022])
      scenes.push({ name: `${name}, ESP ${esp.toString(16)}, expand-down above 0fff`, ring: 3, base: DATA, code, esp, descriptors: () => ({ ...narrow, [SELECTOR.stack]: limited(0xfff, 0xf7) }) }); // prettier-ignore
  }
  return scenes;
}

// --- ports --------------------------------------------------------------------------------------------------------------

const TASK = 0x48;
const BITMAP = PLACE.taskA + 0x68;

/** The I/O bitmap bit by bit, and INS and OUTS with something else wrong: the right to the port comes first (SDM vol. 1, 19.5.2). */
export function portScenes(): Scene[] {
  const scenes: Scene[] = [];
  const bodies: Readonly<Record<string, string>> = {
    'out 80h, al': 'out 0x80,al', 'out 80h, ax': 'out 0x80,ax', 'out 80h, eax': 'out 0x80,eax', 'out dx, al': 'out dx,al', 'rep outsb': 'mov ecx,2\nrep outsb', outsd: 'outsd',
    'outsb from beyond': 'mov esi,0x3000\noutsb', 'rep outsb, none, from beyond': 'mov esi,0x3000\nmov ecx,0\nrep outsb', 'outsb, null': 'mov ax,0\nmov ds,ax\noutsb',
    'insb to beyond': 'mov edi,0x3000\ninsb', 'insd to read-only': `mov ax,${ODD | 3}\nmov es,ax\ninsd`, 'rep insb, none': 'mov ecx,0\nrep insb', cli: 'cli', sti: 'sti', 'in of another': 'mov dx,0x1ff8\nin al,dx',
  }; // prettier-ignore
  const settings: Readonly<Record<string, { bits?: number[]; iopl?: number; base?: number; limit?: number }>> = {
    'all allowed': { bits: [] },
    '80h denied': { bits: [0x80] },
    '81h denied': { bits: [0x81] },
    '82h denied': { bits: [0x82] },
    '83h denied': { bits: [0x83] },
    '84h denied': { bits: [0x84] },
    '7fh denied': { bits: [0x7f] },
    'IOPL 3': { bits: [0x80], iopl: 3 },
    'IOPL 2': { bits: [0x80], iopl: 2 },
    'no bitmap': { base: 0x200 },
    'the bitmap ends before it': { limit: 0x68 + 0x0f },
    'the bitmap ends with it': { limit: 0x68 + 0x10 },
    'the bitmap ends behind it': { limit: 0x68 + 0x11 },
  };
  for (const [body, code] of Object.entries(bodies))
    for (const [setting, { bits = [], iopl = 0, base = 0x68, limit = 0x68 + 0x20 }] of Object.entries(settings)) {
      const bitmap = new Array<number>(0x24).fill(0);
      for (const port of bits) bitmap[port >> 3]! |= 1 << (port & 7);
      scenes.push({
        name: `${body}: ${setting}`,
        base: DATA,
        // TR is loaded in ring 0, IRET leads to ring 3
        code: `mov ax,${TASK}\nltr ax\npush dword 0x5b\npush dword 0x1200\npush dword ${2 | (iopl << 12)}\npush dword 0x53\npush dword inner\niretd\ninner:\nmov ax,0x5b\nmov ds,ax\nmov es,ax\nmov edx,0x80\n${code}\nud2`,
        registers: { edx: 0x80 },
        descriptors: () => ({ [TASK]: segment(DATA + PLACE.taskA, limit, 0x89, 0), 0x50: limited(0xffff, 0xfb), 0x58: limited(0x2fff, 0xf3), [ODD]: limited(0x2fff, 0xf1) }), // prettier-ignore
        patches: () => [
          { at: DATA + PLACE.taskA, bytes: dwords(0, PLACE.ring0, SELECTOR.stack, 0, 0, 0, 0, 0xf0_0000) },
          { at: DATA + PLACE.taskA + 0x64, bytes: dwords((base << 16) >>> 0) },
          { at: DATA + BITMAP, bytes: bitmap },
        ],
      });
    }
  // virtual-8086 mode asks the bitmap whatever IOPL is; INT, CLI and the like ask IOPL
  for (const iopl of [0, 3])
    for (const [body, code] of Object.entries({ out: 'out 0x80,al', 'outs': 'outsb', cli: 'cli', sti: 'sti', pushf: 'pushf', popf: 'push 2\npopf', int: 'int 0x30', 'int3': 'int3', into: 'mov al,0x7f\nadd al,1\ninto', iret: 'push 2\npush cs\npush next\niret\nnext: nop', hlt: 'hlt', lgdt: 'lgdt [bx]', 'mov cr': 'mov eax,cr0', sldt: 'sldt ax', lar: 'lar ax,bx', arpl: 'arpl ax,bx', clts: 'clts', lock: 'lock inc word [bx]', bound: 'bound ax,[bx]', icebp: 'db 0xf1', 'int 31h': 'int 0x31', 'int 32h': 'int 0x32', 'int 34h': 'int 0x34', 'int 38h': 'int 0x38' })) // prettier-ignore
      scenes.push({ name: `virtual-8086, IOPL ${iopl}: ${body}`, kind: 'virtual', bits: 16, code, base: DATA, eflags: iopl << 12, registers: { ebx: PLACE.data, esi: PLACE.data, edi: PLACE.other, ebp: 0x1700 }, gates: () => [gate(8, 0, 0xee)] }); // prettier-ignore
  return scenes;
}
