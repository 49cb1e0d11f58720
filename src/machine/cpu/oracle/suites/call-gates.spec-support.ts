/**
 * Call gates with parameters: 0 to 31 of them through gates of both sizes into each inner ring, back with RET n; the limits of both
 * stacks to the byte, and the task's stack pointers that may be wrong. SDM vol. 3, 5.8.3 to 5.8.6.
 */
import { DATA } from '../programs/layout.spec-support';
import { gate, PLACE, RUNNER_SELECTOR, segment, type Halves, type Scene } from './scene.spec-support';

const INNER_CODE = 0x40;
const INNER_STACK = 0x48;
const GATE = 0x50;
const OUTER_STACK = 0x58;

type Size = 16 | 32;
interface Setting {
  size: Size;
  ring: 1 | 2 | 3;
  inner: 0 | 1 | 2;
  count: number;
  bits?: 16 | 32;
}

const inRing = (
  setting: Setting,
  name: string,
  more: Partial<Scene> & { innerStack?: Halves; innerSelector?: number; innerPointer?: number; gateAccess?: number; code?: string } = {},
): Scene => {
  const { size, ring, inner, count } = setting;
  const bytes = count * (size / 8);
  const stacks = [0, 0, 0, 0, 0, 0];
  const top = more.innerPointer ?? [PLACE.ring0, PLACE.ring1, PLACE.ring2][inner]!;
  // where faults go: ring 0 has a stack in any case
  stacks[0] = 0x1300;
  stacks[1] = RUNNER_SELECTOR.data;
  stacks[0] += DATA;
  stacks[inner * 2] = top;
  stacks[inner * 2 + 1] = more.innerSelector ?? INNER_STACK | inner;
  const operand = size === 16 ? 'o16 ' : 'o32 ';
  return {
    name,
    ring,
    bits: setting.bits ?? 32,
    base: DATA,
    stacks,
    code: more.code ?? `call ${GATE | ring}:0x1234\nmov edx,esp\nud2\ninner:\nmov eax,esp\nmov cx,ss\n${operand}retf ${bytes}`,
    descriptors: (at) => ({
      [INNER_CODE]: segment(DATA, 0xffff, 0x9b | (inner << 5), setting.bits === 16 ? 0 : 4),
      [INNER_STACK]: more.innerStack ?? segment(DATA, 0xffff, 0x93 | (inner << 5), 4),
      [GATE]: gate(INNER_CODE, at('inner'), more.gateAccess ?? (size === 16 ? 0xe4 : 0xec), count),
      ...more.descriptors?.(at),
    }),
    ...(more.selectors ? { selectors: more.selectors } : {}),
    ...(more.esp === undefined ? {} : { esp: more.esp }),
  };
};

/** Rings from outer to inner that differ. */
const RINGS: readonly (readonly [outer: 1 | 2 | 3, inner: 0 | 1 | 2])[] = [[3, 0], [3, 1], [3, 2], [2, 0], [2, 1], [1, 0]]; // prettier-ignore
const SIZES: readonly Size[] = [16, 32];

function counted(): Scene[] {
  const scenes: Scene[] = [];
  for (const size of SIZES)
    for (const [ring, inner] of RINGS)
      for (let count = 0; count < 32; count++) {
        if (ring !== 3 && count % 5 !== 0) continue;
        scenes.push(inRing({ size, ring, inner, count }, `${count} parameters of ${size} bits from ring ${ring} to ${inner}`));
      }
  for (const size of SIZES)
    for (const count of [0, 1, 7, 31])
      scenes.push(inRing({ size, ring: 3, inner: 1, count, bits: 16 }, `${count} parameters of ${size} bits from 16-bit code`));
  return scenes;
}

/** The inner stack has room for exactly this many bytes, more or less. */
function innerLimits(): Scene[] {
  const scenes: Scene[] = [];
  for (const size of SIZES)
    for (const inner of [0, 1, 2] as const)
      for (const count of [0, 2, 31]) {
        const needed = (4 + count) * (size / 8);
        for (const spare of [-1, 0, 1, -needed, -needed + 1, -needed - 1]) {
          const setting = { size, ring: 3, inner, count } as const;
          const what = `${count} of ${size} bits to ring ${inner}, ${needed + spare} bytes`;
          // expand-up: from 0 to the pointer
          scenes.push(inRing(setting, `${what} above 0`, { innerPointer: Math.max(needed + spare, 0) }));
          scenes.push(inRing(setting, `${what} above 0 of a 16-bit segment`, { innerPointer: Math.max(needed + spare, 0), innerStack: segment(DATA, 0xffff, 0x93 | (inner << 5), 0) })); // prettier-ignore
          // expand-down: from the limit
          scenes.push(
            inRing(setting, `${what} above an expand-down limit`, {
              innerPointer: 0x1000 + needed + spare,
              innerStack: segment(DATA, 0xfff, 0x97 | (inner << 5), 4),
            }),
          );
        }
      }
  return scenes;
}

/** The parameters reach to the end of the outer stack, or beyond. */
function outerLimits(): Scene[] {
  const scenes: Scene[] = [];
  for (const size of SIZES)
    for (const count of [1, 2, 31])
      for (const spare of [-2, -1, 0, 1]) {
        const end = 0x1800;
        const esp = end - count * (size / 8) - spare;
        const descriptors = (): Record<number, Halves> => ({ [OUTER_STACK]: segment(DATA, end - 1, 0xf3, 4) });
        const more = { esp, selectors: { ss: OUTER_STACK | 3 }, descriptors };
        scenes.push(inRing({ size, ring: 3, inner: 1, count }, `${count} of ${size} bits with ${spare} bytes behind them`, more));
        scenes.push(inRing({ size, ring: 3, inner: 0, count }, `${count} of ${size} bits with ${spare} bytes behind them, ring 0`, more));
      }
  return scenes;
}

/** Every access byte and RPL of the inner stack that is not right. */
function innerStacks(): Scene[] {
  const scenes: Scene[] = [];
  const odd: Readonly<Record<string, [selector: number, stack: Halves]>> = {
    'a null selector': [0, [0, 0]],
    'a null selector of RPL 1': [1, [0, 0]],
    'RPL 0': [INNER_STACK, segment(DATA, 0xffff, 0xb3, 4)],
    'RPL 3': [INNER_STACK | 3, segment(DATA, 0xffff, 0xb3, 4)],
    'DPL 0': [INNER_STACK | 1, segment(DATA, 0xffff, 0x93, 4)],
    'DPL 3': [INNER_STACK | 1, segment(DATA, 0xffff, 0xf3, 4)],
    'read-only': [INNER_STACK | 1, segment(DATA, 0xffff, 0xb1, 4)],
    'read-only, expand-down': [INNER_STACK | 1, segment(DATA, 0xff, 0xb5, 4)],
    code: [INNER_STACK | 1, segment(DATA, 0xffff, 0xbb, 4)],
    'not present': [INNER_STACK | 1, segment(DATA, 0xffff, 0x33, 4)],
    'a TSS': [INNER_STACK | 1, segment(DATA, 0xffff, 0xa9, 0)],
    'beyond the GDT': [0x401, [0, 0]],
    'in the LDT': [INNER_STACK | 5, segment(DATA, 0xffff, 0xb3, 4)],
    'beyond the LDT': [0x405, [0, 0]],
    'not accessed yet': [INNER_STACK | 1, segment(DATA, 0xffff, 0xb2, 4)],
  };
  for (const [name, [innerSelector, innerStack]] of Object.entries(odd))
    for (const size of SIZES)
      for (const count of [0, 3]) scenes.push(inRing({ size, ring: 3, inner: 1, count }, `inner stack ${name}, ${count} of ${size} bits`, { innerSelector, innerStack })); // prettier-ignore
  return scenes;
}

/** JMP through a gate takes no parameters and changes no ring; neither does a gate to conforming code. */
function others(): Scene[] {
  const scenes: Scene[] = [];
  for (const size of SIZES)
    for (const count of [0, 5]) {
      const setting = { size, ring: 3, inner: 1, count } as const;
      scenes.push(inRing(setting, `JMP, ${count} of ${size} bits`, { code: `jmp ${GATE | 3}:0\nud2\ninner:\nmov eax,esp` }));
      const conforming = (): Record<number, Halves> => ({ [INNER_CODE]: segment(DATA, 0xffff, 0xbf, 4) });
      scenes.push(inRing(setting, `JMP to conforming code, ${count} of ${size} bits`, { code: `jmp ${GATE | 3}:0\nud2\ninner:\nmov eax,esp`, descriptors: conforming })); // prettier-ignore
      scenes.push(inRing(setting, `conforming code, ${count} of ${size} bits`, { descriptors: conforming }));
      scenes.push(inRing(setting, `reserved bits of the count, ${count} of ${size} bits`, { descriptors: (at) => ({ [GATE]: gate(INNER_CODE, at('inner'), size === 16 ? 0xe4 : 0xec, 0xe0 | count) }) })); // prettier-ignore
      scenes.push(inRing(setting, `TF set, ${count} of ${size} bits`, { code: `pushfd\nor dword [esp],0x100\npopfd\ncall ${GATE | 3}:0\nud2\ninner:\nud2` })); // prettier-ignore
    }
  return scenes;
}

export const callGateScenes = (): Scene[] => [...counted(), ...innerLimits(), ...outerLimits(), ...innerStacks(), ...others()];
