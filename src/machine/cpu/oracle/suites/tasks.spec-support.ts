/**
 * Task switches: every way in (far JMP and CALL to a TSS or a task gate, INT through a task gate, IRET with NT) between tasks of 16
 * and 32 bits, and everything that may be wrong with the way or with the task. SDM vol. 3, 7.2 and 7.3, table 7-1.
 */
import { DATA, LDT } from '../programs/layout.spec-support';
import { dwords, gate, inLdt, PLACE, segment, SELECTOR, words, type Halves, type Scene } from './scene.spec-support';

const A = 0x40;
const B = 0x48;
const GATE = 0x50;
const ODD = 0x58;
const CODE3 = 0x60;
const DATA3 = 0x68;
const DIRECTORY = 0xf0_0000;

const WAYS = ['jmp', 'call', 'jmp gate', 'call gate', 'int', 'iret'] as const;
type Way = (typeof WAYS)[number];
type Size = 16 | 32;
const SIZES: readonly Size[] = [16, 32];

interface Task {
  link: number;
  cr3: number;
  eip: number;
  eflags: number;
  esp: number;
  /** ES CS SS DS FS GS */
  segments: [number, number, number, number, number, number];
  ldt: number;
  trap: number;
  ss0: number;
}

/** A task state segment's bytes (SDM vol. 3, figures 7-2 and 7-10). */
function taskBytes(size: Size, task: Task): number[] {
  const [es, cs, ss, ds, fs, gs] = task.segments;
  if (size === 16)
    return words(
      task.link, PLACE.ring0, task.ss0, 0, 0, 0, 0, task.eip, task.eflags, 0xa0a0, 0xc1c1, 0xd2d2, 0xb3b3, task.esp, 0xb5b5, 0x5656, 0xd7d7,
      es, cs, ss, ds, task.ldt,
    ); // prettier-ignore
  return dwords(
    task.link, PLACE.ring0, task.ss0, 0, 0, 0, 0, task.cr3, task.eip, task.eflags, 0xa0a0_a0a0, 0xc1c1_c1c1, 0xd2d2_d2d2, 0xb3b3_b3b3, task.esp,
    0xb5b5_b5b5, 0x5656_5656, 0xd7d7_d7d7, es, cs, ss, ds, fs, gs, task.ldt, (0x68 << 16) | task.trap,
  ); // prettier-ignore
}

interface Setting {
  way: Way;
  task: Task;
  /** access bytes and limits of the two descriptors */
  a: { access: number; limit: number };
  b: { access: number; limit: number };
  gate: { access: number; selector: number };
  odd: Halves;
  target: number;
  landing: string;
  ring: 0 | 3;
}
type Change = (setting: Setting, size: Size) => void;

const segmentTo =
  (index: number, selector: number, odd?: Halves): Change =>
  (setting) => {
    setting.task.segments[index] = selector;
    if (odd) setting.odd = odd;
  };
const data = (access: number, limit = 0xffff): Halves => segment(DATA, limit, access, 4);
const [ES, CS, SS, DS, FS] = [0, 1, 2, 3, 4];

/** What is changed about a switch that would go well. */
const CHANGES: Readonly<Record<string, Change>> = {
  'all is well': () => undefined,
  'to ring 3': ({ task }) => {
    task.segments = [DATA3 | 3, CODE3 | 3, DATA3 | 3, DATA3 | 3, DATA3 | 3, DATA3 | 3];
  },
  'and back': (setting) => {
    setting.landing = setting.way === 'jmp' || setting.way === 'jmp gate' ? `jmp ${A}:0` : 'iret';
  },
  busy: ({ b, way }) => void (b.access ^= way === 'iret' ? 0 : 2),
  'not busy where it should be': ({ b, way }) => void (b.access ^= way === 'iret' ? 2 : 0),
  'TSS not present': ({ b }) => void (b.access &= 0x7f),
  'TSS of DPL 3 and RPL 3': (setting) => {
    setting.b.access |= 0x60;
    setting.target |= 3;
  },
  'TSS with RPL 3': (setting) => void (setting.target |= 3),
  'no TSS but an LDT': ({ b }) => void (b.access = 0x82),
  'no TSS but data': ({ b }) => void (b.access = 0x93),
  'TSS too short': ({ b }) => void b.limit--,
  'old TSS too short': ({ a }) => void (a.limit -= 8),
  'null TSS': (setting) => {
    setting.target = 0;
    setting.gate.selector = 0;
    setting.task.link = 0;
  },
  'TSS in the LDT': (setting) => {
    setting.target = inLdt(B);
    setting.gate.selector = inLdt(B);
  },
  'TSS beyond the GDT': (setting) => {
    setting.target = 0x400;
    setting.gate.selector = 0x400;
  },
  'gate not present': (setting) => void (setting.gate.access &= 0x7f),
  'gate with RPL 3': (setting) => void (setting.target |= setting.way.endsWith('gate') ? 3 : 0),
  'from ring 3': (setting) => {
    setting.ring = 3;
  },
  'from ring 3, allowed': (setting) => {
    setting.ring = 3;
    setting.gate.access |= 0x60;
    setting.b.access |= 0x60;
  },
  'CS null': segmentTo(CS, 0),
  'CS with RPL 3 and DPL 0': segmentTo(CS, SELECTOR.code | 3),
  'CS data': segmentTo(CS, SELECTOR.data),
  'CS not present': segmentTo(CS, ODD, data(0x1b)),
  'CS conforming': segmentTo(CS, ODD, data(0x9f)),
  'CS conforming with RPL 3': (setting) => {
    setting.task.segments = [DATA3 | 3, ODD | 3, DATA3 | 3, DATA3 | 3, DATA3 | 3, DATA3 | 3];
    setting.odd = data(0x9f);
  },
  'CS conforming of DPL 3 with RPL 0': segmentTo(CS, ODD, data(0xff)),
  'CS of DPL 3 with RPL 0': segmentTo(CS, ODD, data(0xfb)),
  'CS execute only': segmentTo(CS, ODD, data(0x99)),
  'CS too short for EIP': segmentTo(CS, ODD, data(0x9b, 0x1000)),
  'CS beyond the GDT': segmentTo(CS, 0x400),
  'CS a gate': segmentTo(CS, GATE),
  'SS null': segmentTo(SS, 0),
  'SS with RPL 3': segmentTo(SS, SELECTOR.stack | 3),
  'SS of DPL 3': segmentTo(SS, DATA3),
  'SS read-only': segmentTo(SS, ODD, data(0x91)),
  'SS code': segmentTo(SS, SELECTOR.code),
  'SS not present': segmentTo(SS, ODD, data(0x13)),
  'SS beyond the GDT': segmentTo(SS, 0x400),
  'DS null': segmentTo(DS, 0),
  'DS not present': segmentTo(DS, ODD, data(0x13)),
  'DS execute only': segmentTo(DS, ODD, data(0x99)),
  'DS readable code': segmentTo(DS, ODD, data(0x9b)),
  'DS a TSS': segmentTo(DS, A),
  'DS with RPL 3': segmentTo(DS, SELECTOR.data | 3),
  'ES beyond the GDT': segmentTo(ES, 0x400),
  'FS not present': segmentTo(FS, ODD, data(0x13)),
  'ES of ring 0 in ring 3': ({ task }) => {
    task.segments = [SELECTOR.data, CODE3 | 3, DATA3 | 3, DATA3 | 3, DATA3 | 3, DATA3 | 3];
  },
  'LDT of the runner': ({ task }) => void (task.ldt = LDT),
  'LDT data': ({ task }) => void (task.ldt = SELECTOR.data),
  'LDT not present': (setting) => {
    setting.task.ldt = ODD;
    setting.odd = segment(DATA, 0xff, 0x02, 0);
  },
  'LDT in the LDT': ({ task }) => void (task.ldt = inLdt(LDT)),
  'LDT beyond the GDT': ({ task }) => void (task.ldt = 0x400),
  'segments in the LDT': ({ task }) => {
    task.ldt = LDT;
    task.segments = [SELECTOR.data, SELECTOR.code, SELECTOR.stack, SELECTOR.data, SELECTOR.data, SELECTOR.data].map(
      inLdt,
    ) as Task['segments'];
  },
  'trap bit': ({ task }) => void (task.trap = 1),
  'TF in its flags': ({ task }) => void (task.eflags |= 0x100),
  'NT in its flags': ({ task }) => void (task.eflags |= 0x4000),
  'all flags': ({ task }) => void (task.eflags = 0x7ed5 & ~0x4100),
  'virtual-8086': (setting, size) => {
    if (size === 16) return;
    setting.task.eflags |= 0x2_3000;
    setting.task.segments = [0x2000, 0x2000, 0x2000, 0x2010, 0x2020, 0x2030];
  },
  'stack at the end of its segment': (setting) => {
    setting.task.segments[SS] = ODD;
    setting.task.esp = 2;
    setting.odd = data(0x93, 0x1fff);
    setting.landing = 'push dword 1';
  },
  'SS0 null, ring 3': ({ task }) => {
    task.segments = [DATA3 | 3, CODE3 | 3, DATA3 | 3, DATA3 | 3, DATA3 | 3, DATA3 | 3];
    task.ss0 = 0;
  },
};

const triggerOf = (setting: Setting): string => {
  switch (setting.way) {
    case 'jmp':
    case 'call':
      return `${setting.way} ${setting.target}:0`;
    case 'jmp gate':
    case 'call gate':
      return `${setting.way.split(' ')[0]} ${GATE | (setting.target & 3)}:0`;
    case 'int':
      return 'int 0x38';
    case 'iret':
      return 'pushfd\nor dword [esp],0x4000\npopfd\niretd';
  }
};

/** Nothing to change where the way does not touch it. */
function pointless(way: Way, name: string): boolean {
  const gated = way === 'int' || way.endsWith('gate');
  if (name.startsWith('gate')) return !gated;
  if (name === 'not busy where it should be') return way !== 'iret';
  if (name === 'busy') return way === 'iret';
  if (name.startsWith('TSS of DPL') || name === 'TSS with RPL 3') return gated || way === 'iret';
  if (name.startsWith('from ring 3')) return way === 'iret';
  return false;
}

function sceneOf(way: Way, from: Size, to: Size, name: string): Scene {
  const task: Task = {
    link: 0, cr3: DIRECTORY, eip: 0, eflags: 2, esp: 0x1700, ldt: 0, trap: 0, ss0: SELECTOR.stack,
    segments: [SELECTOR.data, SELECTOR.code, SELECTOR.stack, SELECTOR.data, SELECTOR.data, SELECTOR.data],
  }; // prettier-ignore
  const limit = (size: Size): number => (size === 32 ? 0x67 : 0x2b);
  const type = (size: Size): number => (size === 32 ? 0x89 : 0x81);
  const setting: Setting = {
    way, task, ring: 0, target: B, odd: [0, 0],
    a: { access: type(from), limit: limit(from) },
    b: { access: type(to) | (way === 'iret' ? 2 : 0), limit: limit(to) },
    gate: { access: 0x85, selector: B },
    landing: 'str ax',
  }; // prettier-ignore
  CHANGES[name]!(setting, to);
  // TR is loaded in ring 0, from where IRET leads to ring 3
  const outwards = setting.ring === 3 ? `push dword ${DATA3 | 3}\npush dword 0x1200\npush dword 2\npush dword ${CODE3 | 3}\npush dword inner\niretd\ninner:` : ''; // prettier-ignore
  const link = setting.target;
  return {
    name: `${way}, ${from} to ${to}, ${name}`,
    base: DATA,
    // once the task has changed, only a task of its own can handle what is wrong with it (SDM vol. 3, 6.15, #TS)
    ...(/^(CS|DS|ES|FS|LDT|SS|segments|stack) /.test(name) ? { faultTasks: true } : {}),
    code: `mov ax,${A}\nltr ax\n${way === 'iret' ? `mov word [${PLACE.taskA}],${link}` : ''}\n${outwards}\n${triggerOf(setting)}\nsldt cx\nstr dx\nud2\nlanding:\n${setting.landing}`,
    descriptors: () => ({
      [A]: segment(DATA + PLACE.taskA, setting.a.limit, setting.a.access, 0),
      [B]: segment(DATA + PLACE.taskB, setting.b.limit, setting.b.access, 0),
      [GATE]: gate(setting.gate.selector, 0, setting.gate.access),
      [ODD]: setting.odd,
      [CODE3]: data(0xfb),
      [DATA3]: data(0xf3),
    }),
    gates: () => [gate(setting.gate.selector, 0, setting.gate.access)],
    patches: (at) => [
      { at: DATA + PLACE.taskA, bytes: taskBytes(from, { ...task, eip: 0xdead, segments: [0, 0, 0, 0, 0, 0], ss0: SELECTOR.stack, ldt: 0, trap: 0 }) }, // prettier-ignore
      { at: DATA + PLACE.taskB, bytes: taskBytes(to, { ...task, eip: at('landing') }) },
    ],
  };
}

/** Every way between every two sizes, with every change. */
export const taskScenes = (): Scene[] =>
  WAYS.flatMap((way) =>
    SIZES.flatMap((from) =>
      SIZES.flatMap((to) =>
        Object.keys(CHANGES)
          .filter((name) => !pointless(way, name))
          .map((name) => sceneOf(way, from, to, name)),
      ),
    ),
  );
