/**
 * String instructions: SDM vol. 2, MOVS, CMPS, STOS, LODS, SCAS, INS, OUTS and REP. One iteration is one pass through the
 * operations; with REP the block's end jumps back to the instruction, so an iteration is counted, interrupted and restarted
 * like any instruction.
 */
import type { OperandSize } from '../runtime';
import { SEGMENT_INDEX } from '../state-layout';
import type { BlockBuilder, Slot } from './builder';
import { EAX, ECX, EDI, EDX, ESI } from './builder';
import { packString } from './ir';

type Lower = (b: BlockBuilder) => void;
/** Does the work of one iteration up to what can fault, and returns what writes registers and flags. */
type Body = (b: BlockBuilder, size: OperandSize) => { moves: readonly number[]; commit?: () => void };

const ES = SEGMENT_INDEX.ES;

/** Offset in ESI or EDI, by address size. */
const pointer = (b: BlockBuilder, register: number): Slot => b.readRegister(b.instruction.addressSize, register);

function string(wide: boolean, body: Body, compares = false, privileged = false): Lower {
  return (b) => {
    const size: OperandSize = wide ? b.instruction.operandSize : 1;
    const addressSize = b.instruction.addressSize;
    const repeated = b.instruction.repeat !== 'none';
    // the right to the port comes before memory and before the count, as on other emulators; the manual says it of memory only
    if (privileged) b.call('checkPort', b.make('get16', EDX), b.constant(size));
    if (repeated) b.emit('exitIfZero', b.readRegister(addressSize, ECX), b.end, 0);
    const { moves, commit } = body(b, size);
    const distance = b.make('stringStep', size);
    for (const register of moves) b.writeRegister(addressSize, register, b.make('add', register, distance));
    commit?.();
    if (!repeated) {
      if (privileged) b.endBlock();
      return;
    }
    const count = b.make('sub', ECX, b.constant(1));
    b.writeRegister(addressSize, ECX, count);
    const left = addressSize === 2 ? b.mask16(count) : count;
    const again = compares ? b.make('choose', left, b.make('condition', b.instruction.repeat === 'repe' ? 4 : 5), b.constant(0)) : left;
    b.emit('branchIf', again, b.start, b.end, 4, 0, 0);
  };
}

const movs: Body = (b, size) => {
  const value = b.load(size, b.stringSegment, pointer(b, ESI));
  b.store(size, ES, pointer(b, EDI), value);
  return { moves: [ESI, EDI] };
};

const stos: Body = (b, size) => {
  b.store(size, ES, pointer(b, EDI), EAX);
  return { moves: [EDI] };
};

const lods: Body = (b, size) => {
  const value = b.load(size, b.stringSegment, pointer(b, ESI));
  return { moves: [ESI], commit: () => b.writeRegister(size, EAX, value) };
};

const scas: Body = (b, size) => {
  const left = b.readRegister(size, EAX);
  const right = b.load(size, ES, pointer(b, EDI));
  return { moves: [EDI], commit: () => b.flags('sub', size, left, right, b.make('sub', left, right)) };
};

const cmps: Body = (b, size) => {
  const left = b.load(size, b.stringSegment, pointer(b, ESI));
  const right = b.load(size, ES, pointer(b, EDI));
  return { moves: [ESI, EDI], commit: () => b.flags('sub', size, left, right, b.make('sub', left, right)) };
};

/** Port and memory are one call: what a device gave must not be asked for again because memory turns out to be another device's. */
const ins: Body = (b, size) => {
  b.call('portInString', b.make('get16', EDX), b.constant(size), pointer(b, EDI));
  return { moves: [EDI] };
};

const outs: Body = (b, size) => {
  b.call('portOutString', b.make('get16', EDX), b.constant(packString(size, b.stringSegment)), pointer(b, ESI));
  return { moves: [ESI] };
};

export const STRINGS: Record<string, Lower> = {
  movsByte: string(false, movs),
  movsWord: string(true, movs),
  stosByte: string(false, stos),
  stosWord: string(true, stos),
  lodsByte: string(false, lods),
  lodsWord: string(true, lods),
  scasByte: string(false, scas, true),
  scasWord: string(true, scas, true),
  cmpsByte: string(false, cmps, true),
  cmpsWord: string(true, cmps, true),
  insByte: string(false, ins, false, true),
  insWord: string(true, ins, false, true),
  outsByte: string(false, outs, false, true),
  outsWord: string(true, outs, false, true),
};
