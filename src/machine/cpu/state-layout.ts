/**
 * The one table of the processor's state. Offsets for the interpreter, the compiler, snapshots, the state hash, the VMM's
 * control blocks and the views all come from here. The state lies at the bottom of the frame store's WebAssembly memory
 * (which is shared, so views over it stay valid when the pool grows). Registers have 64-bit slots from the start.
 */

export type FieldType = 'u8' | 'u16' | 'u32' | 'i32' | 'u64' | 'f64';

export interface Field {
  readonly type: FieldType;
  /** bytes from the start of the state */
  readonly offset: number;
  /** number of elements, `stride` bytes apart */
  readonly count: number;
  readonly stride: number;
  /** architectural fields are hashed and compared; the rest (lazy flags, budgets) is materialised or dropped first */
  readonly architectural: boolean;
}

const WIDTH: Record<FieldType, number> = { u8: 1, u16: 2, u32: 4, i32: 4, u64: 8, f64: 8 };

type Row = readonly [name: string, type: FieldType, options?: { count?: number; stride?: number; hidden?: true }];

/** A segment register with its hidden part: selector u16 @0, attributes u32 @4 (VMX access-rights format), limit u32 @8 (in bytes, scaled), base u64 @16. */
export const SEGMENT = { selector: 0, attributes: 4, limit: 8, base: 16, size: 24 } as const;

const ROWS = [
  ['gpr', 'u64', { count: 16 }],
  ['rip', 'u64'],
  ['rflags', 'u64'],
  ['segments', 'u64', { count: 8, stride: SEGMENT.size }],
  ['gdtrBase', 'u64'],
  ['idtrBase', 'u64'],
  ['gdtrLimit', 'u32'],
  ['idtrLimit', 'u32'],
  ['cr0', 'u64'],
  ['cr2', 'u64'],
  ['cr3', 'u64'],
  ['cr4', 'u64'],
  ['cr8', 'u64'],
  ['dr', 'u64', { count: 8 }],
  ['efer', 'u64'],
  ['sysenterCs', 'u64'],
  ['sysenterEsp', 'u64'],
  ['sysenterEip', 'u64'],
  ['apicBase', 'u64'],
  ['pat', 'u64'],
  ['tscOffset', 'u64'],
  ['pdpte', 'u64', { count: 4 }],
  ['simd', 'u64', { count: 64 }],
  ['activity', 'u32'],
  ['interruptShadow', 'u32'],
  ['nmiBlocked', 'u32'],
  // an NMI has been signalled and not taken yet
  ['nmiPending', 'u32'],
  // DR6 bits of a debug trap that is due at the next boundary that lets it through
  ['debugPending', 'u32'],
  // the pin A20M#: 1 makes address line 20 zero
  ['a20Masked', 'u32'],
  // TR6 and TR7 of the 80386
  ['testRegisters', 'u32', { count: 2 }],
  ['virtualizationMode', 'u32'],
  ['vpid', 'u32'],
  ['eptPointer', 'u64'],
  ['entryInterruption', 'u32'],
  ['entryErrorCode', 'u32'],
  ['entryInstructionLength', 'u32'],
  ['completionCount', 'u32'],
  ['completionKind', 'u32', { count: 4 }],
  ['completionSize', 'u32', { count: 4 }],
  ['completionAddress', 'f64', { count: 4 }],
  ['completionValue', 'u32', { count: 4 }],
  // IA32_MCG_STATUS and the error-reporting bank 0; pending: #MC is due at the next boundary
  ['mcgStatus', 'u64'],
  ['mc0Control', 'u64'],
  ['mc0Status', 'u64'],
  ['mc0Address', 'u64'],
  ['machineCheckPending', 'u32'],
  ['instructions', 'f64'],
  ['ticks', 'f64'],
  // not architectural from here on
  ['lazyKind', 'i32', { hidden: true }],
  ['lazyResult', 'u64', { hidden: true }],
  ['lazyLeft', 'u64', { hidden: true }],
  ['lazyRight', 'u64', { hidden: true }],
  ['budget', 'i32', { hidden: true }],
  ['stop', 'i32', { hidden: true }],
  ['faultVector', 'i32', { hidden: true }],
  ['faultErrorCode', 'i32', { hidden: true }],
  ['instructionLength', 'i32', { hidden: true }],
  // instructions of the running block that have completed but are not yet in `instructions` and `ticks`
  ['blockProgress', 'i32', { hidden: true }],
  ['tlbGeneration', 'u32', { hidden: true }],
  ['scratch', 'u64', { count: 16, hidden: true }],
] as const satisfies readonly Row[];

export type FieldName = (typeof ROWS)[number][0];

function build(): { fields: Record<FieldName, Field>; size: number } {
  let offset = 0;
  const fields: Partial<Record<FieldName, Field>> = {};
  for (const row of ROWS as readonly Row[]) {
    const [name, type, options = {}] = row;
    const stride = options.stride ?? WIDTH[type];
    const count = options.count ?? 1;
    offset = Math.ceil(offset / WIDTH[type]) * WIDTH[type];
    fields[name as FieldName] = { type, offset, count, stride, architectural: !options.hidden };
    offset += stride * count;
  }
  return { fields: fields as Record<FieldName, Field>, size: Math.ceil(offset / 16) * 16 };
}

const built = build();

/** Every field by name. */
export const STATE: Readonly<Record<FieldName, Field>> = built.fields;
/** Bytes of one processor's state. */
export const STATE_SIZE = built.size;
/** Raised whenever the table changes; a snapshot of another version is refused. */
export const STATE_LAYOUT_VERSION = 4;

/** Index of a segment register in `segments`; the first six are the encoding's order. */
export const SEGMENT_INDEX = { ES: 0, CS: 1, SS: 2, DS: 3, FS: 4, GS: 5, LDTR: 6, TR: 7 } as const;
export type SegmentName = keyof typeof SEGMENT_INDEX;

/** Index of a general register in `gpr`. */
export const REGISTER_INDEX = {
  RAX: 0, RCX: 1, RDX: 2, RBX: 3, RSP: 4, RBP: 5, RSI: 6, RDI: 7,
  R8: 8, R9: 9, R10: 10, R11: 11, R12: 12, R13: 13, R14: 14, R15: 15,
} as const; // prettier-ignore

/** `activity` */
export const ACTIVITY = { running: 0, halted: 1, shutdown: 2 } as const;
/** `virtualizationMode` */
export const VIRTUALIZATION = { off: 0, guest: 1 } as const;
/**
 * `stop`: why the current instruction did not complete (fault, exit), or what follows once it has: the slice ends, or only the
 * running block, because a store changed translated code
 */
export const STOP = { none: 0, fault: 1, exit: 2, endSlice: 3, codeWritten: 4 } as const;

/** Where the pool keeps the IR of decoded blocks, in bytes. Below it: the state and the fast tables. */
export const IR_CODE = { offset: 2 * 1024 * 1024, bytes: 14 * 1024 * 1024 } as const;
/** Behind it: threaded code, with the words and the jump cache that it works with. */
export const THREADED_CODE = { offset: IR_CODE.offset + IR_CODE.bytes, bytes: 8 * 1024 * 1024 } as const;
/** Behind that: the DRAM model's arrays (dram/model-layout.ts). */
export const DRAM_MODEL = { offset: THREADED_CODE.offset + THREADED_CODE.bytes, bytes: 3 * 1024 * 1024 } as const;
/** And behind that: for each frame with translated code, a bit for each byte (interpret/code-maps.ts). Two bytes may be read at once, so the last map has one behind it. */
export const CODE_MAPS = { offset: DRAM_MODEL.offset + DRAM_MODEL.bytes, frameBytes: 512, most: 8191, bytes: 4 * 1024 * 1024 } as const;
/** Bytes kept free at the bottom of the pool for state, fast tables, code and the DRAM model. */
export const POOL_RESERVED = CODE_MAPS.offset + CODE_MAPS.bytes;
