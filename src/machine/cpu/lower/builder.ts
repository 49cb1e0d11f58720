/**
 * Collects the operations of one block. Lowering functions write through it: operands of the current instruction as slots,
 * addresses, stack, flags.
 */
import { NO_REGISTER, type Instruction } from '../decode/instruction';
import type { Operand } from '../decode/table';
import { LAZY } from '../flags';
import { LEVEL } from '../instruction-set';
import { SEGMENT_INDEX } from '../state-layout';
import type { OperandSize } from '../runtime';
import {
  IR,
  IR_OPCODES,
  IR_STRIDE,
  SYSTEM_CALL,
  TEMPORARIES,
  TEMPORARY,
  type CodeNumber,
  type IrBlock,
  type IrInstruction,
  type IrName,
  type Mode,
} from './ir';

export type Slot = number;
export const EAX = 0;
export const ECX = 1;
export const EDX = 2;
export const EBX = 3;
export const ESP = 4;
export const EBP = 5;
export const ESI = 6;
export const EDI = 7;

const LOADS = { 1: 'load8', 2: 'load16', 4: 'load32' } as const;
const STORES = { 1: 'store8', 2: 'store16', 4: 'store32' } as const;

export class BlockBuilder {
  private readonly words: number[] = [];
  private readonly constants: number[] = [];
  private readonly constantSlots = new Map<number, Slot>();
  private readonly instructions: IrInstruction[] = [];
  private nextTemporary = TEMPORARY;
  private addressSlot: Slot | undefined;
  private bytes = 0;

  /** The instruction being lowered, and where it starts and ends, in bytes from the block's start. */
  instruction!: Instruction;
  start = 0;
  end = 0;
  /** the block ends after this instruction */
  ended = false;

  private readonly numbers: CodeNumber[] = [];

  /** @param patched does a number that keeps being patched begin so many bytes behind the block's first? */
  constructor(
    readonly mode: Mode,
    private readonly patched?: (offset: number) => boolean,
  ) {}

  begin(instruction: Instruction, offset: number): void {
    this.instruction = instruction;
    this.start = offset;
    this.end = offset + instruction.length;
    this.bytes = this.end;
    this.nextTemporary = TEMPORARY;
    this.addressSlot = undefined;
    this.instructions.push({ offset, length: instruction.length, first: this.words.length / IR_STRIDE });
  }

  /** Bytes that do nothing by themselves. */
  passOver(bytes: number): void {
    this.instructions.push({ offset: 0, length: bytes, first: 0 });
    this.bytes = bytes;
  }

  /** An instruction that could not be decoded: it only faults. */
  beginUndecodable(): void {
    this.instructions.push({ offset: 0, length: 0, first: 0 });
  }

  emit(name: IrName, ...operands: number[]): void {
    const number = IR[name];
    this.words.push(number);
    for (let i = 0; i < IR_STRIDE - 1; i++) this.words.push(operands[i] ?? 0);
    if (IR_OPCODES[number]!.terminator) this.ended = true;
  }

  /** Emits an operation whose first operand is a fresh temporary, and returns that. */
  make(name: IrName, ...operands: number[]): Slot {
    const result = this.temporary();
    this.emit(name, result, ...operands);
    return result;
  }

  temporary(): Slot {
    if (this.nextTemporary >= TEMPORARY + TEMPORARIES)
      throw new Error(`${this.instruction.row.name} needs more than ${TEMPORARIES} temporaries`);
    return this.nextTemporary++;
  }
  /** Is this code of the 8086, which some instructions mean something else to? */
  get is8086(): boolean {
    return this.mode.level === LEVEL.i8086;
  }

  /** Gives back the temporaries made since, for instructions that repeat a step. */
  releaseTo(temporary: Slot): void {
    this.nextTemporary = temporary;
  }
  get mark(): Slot {
    return this.nextTemporary;
  }

  constant(value: number): Slot {
    const word = value | 0;
    let slot = this.constantSlots.get(word);
    if (slot === undefined) {
      this.constants.push(word);
      slot = -this.constants.length;
      this.constantSlots.set(word, slot);
    }
    return slot;
  }
  isConstant(slot: Slot): boolean {
    return slot < 0;
  }

  // --- registers

  /** Zero-extended value of a register; 32-bit registers are their own slot. */
  readRegister(size: OperandSize, register: number): Slot {
    if (size === 4) return register;
    return size === 2 ? this.make('get16', register) : this.make('get8', register & 3, (register & 4) << 1);
  }
  /** Upper bits of a narrower value are ignored. */
  writeRegister(size: OperandSize, register: number, value: Slot): void {
    if (size === 4) {
      if (register !== value) this.emit('mov', register, value);
    } else if (size === 2) this.emit('put16', register, value);
    else this.emit('put8', register & 3, value, (register & 4) << 1);
  }
  /** A copy that later writes to the register do not change. */
  copy(slot: Slot): Slot {
    return slot >= 0 && slot < TEMPORARY ? this.make('mov', slot) : slot;
  }

  // --- numbers in the code that keep being patched

  /** Value of such a number `distance` bytes behind the instruction's first, zero-extended; undefined when it is none. */
  private patchedNumber(distance: number, bytes: number): Slot | undefined {
    const offset = this.start + distance;
    if (bytes === 0 || this.patched?.(offset) !== true) return undefined;
    this.numbers.push({ offset, bytes });
    return this.make('code', offset, bytes);
  }
  /** As `immediate`, cut to the operand's size. */
  private patchedImmediate(position: number): Slot | undefined {
    const operand = this.operand(position);
    const size = this.size(position);
    const signed = operand === 'Is';
    const value = this.patchedNumber(this.instruction.immediateAt, signed ? 1 : size);
    if (value === undefined || !signed || size === 1) return value;
    this.emit('sext8', value, value);
    if (size === 2) this.emit('get16', value, value);
    return value;
  }

  /** As `immediate`, of the distance of a jump; undefined when that is not patched. */
  patchedDistance(): Slot | undefined {
    const bytes = this.operand(0) === 'Jb' ? 1 : this.instruction.operandSize;
    const value = this.patchedNumber(this.instruction.immediateAt, bytes);
    if (value !== undefined && bytes !== 4) this.emit(bytes === 1 ? 'sext8' : 'sext16', value, value);
    return value;
  }

  // --- arithmetic with constants folded where it is cheap

  add(a: Slot, value: number): Slot {
    return value === 0 ? a : this.make('add', a, this.constant(value));
  }
  mask16(a: Slot): Slot {
    return a < 0 ? this.constant(this.constants[-1 - a]! & 0xffff) : this.make('get16', a);
  }

  // --- memory

  /** Segment of the ModRM address: the override, or SS for forms based on ESP or EBP, or DS. */
  get segment(): number {
    const { segmentOverride, base } = this.instruction;
    if (segmentOverride >= 0) return segmentOverride;
    return base === EBP || (base === ESP && this.instruction.addressSize === 4) ? SEGMENT_INDEX.SS : SEGMENT_INDEX.DS;
  }
  /** Segment of a string source: the override, or DS. */
  get stringSegment(): number {
    return this.instruction.segmentOverride >= 0 ? this.instruction.segmentOverride : SEGMENT_INDEX.DS;
  }

  /** Offset of the ModRM address (computed once an instruction). `stackAdjust` is added to ESP as a base: POP to memory. */
  address(stackAdjust = 0): Slot {
    if (this.addressSlot !== undefined) return this.addressSlot;
    const { base, index, scale, addressSize, displacementAt, displacementBytes } = this.instruction;
    let slot: Slot | undefined = base === NO_REGISTER ? undefined : base;
    const patched = this.patchedNumber(displacementAt, displacementBytes);
    const displacement = patched === undefined ? this.instruction.displacement : 0;
    const constant = displacement + (base === ESP && addressSize === 4 ? stackAdjust : 0);
    if (index !== NO_REGISTER) {
      const scaled = scale === 0 ? index : this.make('shl', index, this.constant(scale));
      slot = slot === undefined ? scaled : this.make('add', slot, scaled);
    }
    if (patched !== undefined) {
      // in the temporary that there is: some instructions have no others left
      if (displacementBytes === 1) this.emit('sext8', patched, patched);
      if (slot !== undefined) this.emit('add', patched, slot, patched);
      slot = patched;
    }
    slot = slot === undefined ? this.constant(constant) : this.add(slot, constant);
    if (addressSize === 2) slot = this.mask16(slot);
    return (this.addressSlot = slot);
  }
  /** The address of something `distance` bytes behind another. */
  offsetBy(address: Slot, distance: number): Slot {
    const slot = this.add(address, distance);
    return this.instruction.addressSize === 2 ? this.mask16(slot) : slot;
  }

  load(size: OperandSize, segment: number, address: Slot): Slot {
    return this.make(LOADS[size], segment, address);
  }
  store(size: OperandSize, segment: number, address: Slot, value: Slot): void {
    this.emit(STORES[size], segment, address, value);
  }
  probe(size: OperandSize, segment: number, address: Slot): void {
    this.emit('probe', segment, address, size);
  }

  // --- operands of the current instruction

  operand(position: number): Operand {
    return this.instruction.row.operands[position]!;
  }
  size(position: number): OperandSize {
    const operand = this.operand(position);
    if (operand === 'AL' || operand === 'CL') return 1;
    switch (operand.at(-1)) {
      case 'b':
        return 1;
      case 'w':
        return 2;
      case 'd':
        return 4;
      default:
        return this.instruction.operandSize;
    }
  }
  isMemory(position: number): boolean {
    const letter = this.operand(position)[0];
    return ((letter === 'E' && this.operand(position) !== 'ES') || letter === 'M' || letter === 'O') && this.instruction.mod !== 3;
  }
  /** Register number of a register operand. */
  register(position: number): number {
    const operand = this.operand(position);
    switch (operand) {
      case 'AL':
      case 'eAX':
        return EAX;
      case 'CL':
        return ECX;
      case 'DX':
        return EDX;
    }
    switch (operand[0]) {
      case 'G':
      case 'S':
      case 'C':
      case 'D':
        return this.instruction.reg;
      case 'Z':
        return this.instruction.opcode & 7;
      default:
        return this.instruction.rm;
    }
  }
  /** An immediate, sign-extended where the encoding does so. */
  immediate(position: number): number {
    const before = this.instruction.row.operands.slice(0, position).some((operand) => operand[0] === 'I' || operand === '1');
    return this.operand(position) === '1' ? 1 : before ? this.instruction.immediate2 : this.instruction.immediate;
  }
  /** Value of an operand as a slot: a register itself, a constant, or a fresh temporary. */
  read(position: number): Slot {
    const operand = this.operand(position);
    const size = this.size(position);
    if (operand[0] === 'I') {
      const patched = this.patchedImmediate(position);
      if (patched !== undefined) return patched;
    }
    if (operand[0] === 'I' || operand === '1') {
      const value = this.immediate(position);
      return this.constant(size === 1 ? value & 0xff : size === 2 ? value & 0xffff : value);
    }
    if (this.isMemory(position)) return this.load(size, this.segment, this.address());
    return this.readRegister(size, this.register(position));
  }
  /** As read, for an operand that is written later: a memory operand is first checked for writing. */
  readForWrite(position: number): Slot {
    if (this.isMemory(position)) this.probe(this.size(position), this.segment, this.address());
    return this.read(position);
  }
  write(position: number, value: Slot): void {
    const size = this.size(position);
    if (this.isMemory(position)) this.store(size, this.segment, this.address(), value);
    else this.writeRegister(size, this.register(position), value);
  }
  /**
   * Writes an operand and notes flags, memory before flags: a store that has to leave for the VMM finds the flags untouched
   * when the instruction is executed again.
   */
  writeThenFlags(position: number, value: Slot, flags: () => void): void {
    if (this.isMemory(position)) {
      this.write(position, value);
      flags();
    } else {
      flags();
      this.write(position, value);
    }
  }

  // --- flags

  flags(kind: keyof typeof LAZY, size: OperandSize, left: Slot, right: Slot, result: Slot): void {
    this.emit(kind === 'inc' || kind === 'dec' ? 'flagsIncDec' : 'flags', LAZY[kind], size, left, right, result);
  }

  // --- stack

  get stackSize(): OperandSize {
    return this.mode.stack32 ? 4 : 2;
  }
  /** ESP + distance within the stack's size. */
  stackAddress(distance: number): Slot {
    const slot = this.add(ESP, distance);
    return this.mode.stack32 ? slot : this.mask16(slot);
  }
  setStack(value: Slot): void {
    this.writeRegister(this.stackSize, ESP, value);
  }
  push(size: OperandSize, value: Slot): void {
    const top = this.stackAddress(-size);
    this.store(size, SEGMENT_INDEX.SS, top, value);
    this.setStack(top);
  }
  /** The value on top; ESP moves only by `drop`, once nothing can fault any more. */
  top(size: OperandSize): Slot {
    return this.load(size, SEGMENT_INDEX.SS, this.stackAddress(0));
  }
  drop(bytes: number): void {
    this.setStack(this.stackAddress(bytes));
  }

  // --- control

  call(id: keyof typeof SYSTEM_CALL, a?: Slot, b?: Slot, c?: Slot): Slot {
    const zero = this.constant(0);
    return this.make('call', SYSTEM_CALL[id], a ?? zero, b ?? zero, c ?? zero);
  }
  /** RIP of the next instruction. */
  nextRip(): Slot {
    return this.make('nextRip', this.end);
  }
  /** Ends the block after an instruction behind which nothing has changed but that the slice may have to end. */
  endBlock(): void {
    this.emit('goto', this.end, 0);
  }
  /** Ends the block after an instruction of the system side. */
  leave(): void {
    this.emit('advance', this.end);
    this.emit('leave');
  }
  raise(vector: number, errorCode = -1): void {
    this.emit('raise', vector, errorCode);
    this.emit('leave');
  }

  finish(): IrBlock {
    if (!this.ended) this.emit('goto', this.bytes, 0);
    return {
      mode: this.mode,
      ops: Int32Array.from(this.words),
      constants: Int32Array.from(this.constants),
      instructions: this.instructions,
      bytes: this.bytes,
      ...(this.numbers.length === 0 ? {} : { numbers: this.numbers }),
    };
  }
}
