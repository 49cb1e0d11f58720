/** Instructions that reach the system side: control and descriptor registers, flags with privilege, ports, halting. SDM vol. 2 and vol. 3, ch. 2. */
import { LEVEL } from '../instruction-set';
import { SEGMENT_INDEX } from '../state-layout';
import type { BlockBuilder, Slot } from './builder';
import { EAX, EDX } from './builder';
import { EXCEPTION } from './exceptions';
import type { SYSTEM_CALL } from './ir';

type Lower = (b: BlockBuilder) => void;
type CallId = keyof typeof SYSTEM_CALL;

/** An instruction that is one call: RIP moves on first, the block ends after it. */
function system(id: CallId, ...values: number[]): Lower {
  return (b) => {
    b.emit('advance', b.end);
    const [x, y, z] = values.map((value) => b.constant(value));
    b.call(id, x, y, z);
    b.emit('leave');
  };
}

const privileged = (id: CallId, ...values: number[]): Lower => {
  return (b) => {
    b.call('requirePrivilege');
    system(id, ...values)(b);
  };
};

function loadTable(id: 'loadGdtr' | 'loadIdtr'): Lower {
  return (b) => {
    b.call('requirePrivilege');
    const address = b.address();
    const limit = b.load(2, b.segment, address);
    const base = b.load(4, b.segment, b.offsetBy(address, 2));
    b.call(id, b.instruction.operandSize === 2 ? b.make('and', base, b.constant(0x00ff_ffff)) : base, limit);
    b.leave();
  };
}

function storeTable(which: 0 | 1): Lower {
  return (b) => {
    const limit = b.call('tableLimit', b.constant(which));
    const base = b.call('tableBase', b.constant(which));
    const address = b.address();
    const upper = b.offsetBy(address, 2);
    b.probe(2, b.segment, address);
    b.probe(4, b.segment, upper);
    b.store(2, b.segment, address, limit);
    b.store(4, b.segment, upper, base);
  };
}

/** SLDT, STR, SMSW: 16 bits to memory, the operand size to a register. */
function storeSelector(value: (b: BlockBuilder) => Slot, protectedOnly: boolean): Lower {
  return (b) => {
    if (protectedOnly && !b.mode.protectedMode) return b.raise(EXCEPTION.UD);
    const selector = value(b);
    if (b.isMemory(0)) b.store(2, b.segment, b.address(), selector);
    else b.write(0, selector);
  };
}

function loadSelector(id: 'loadLdtr' | 'loadTr'): Lower {
  return (b) => {
    if (!b.mode.protectedMode) return b.raise(EXCEPTION.UD);
    b.call('requirePrivilege');
    b.call(id, b.read(0));
    b.leave();
  };
}

/** LAR, LSL: the call sets ZF, and the register when that is set. */
function inspect(id: 'accessRights' | 'segmentLimit'): Lower {
  return (b) => {
    if (!b.mode.protectedMode) return b.raise(EXCEPTION.UD);
    b.call(id, b.read(1), b.constant(b.register(0)), b.constant(b.instruction.operandSize));
    b.leave();
    b.leave();
  };
}

function verify(forWrite: 0 | 1): Lower {
  return (b) => {
    if (!b.mode.protectedMode) return b.raise(EXCEPTION.UD);
    b.call('verify', b.read(0), b.constant(forWrite));
    b.leave();
  };
}

/** The requested privilege level of the first selector is raised to the second's; ZF tells whether it was. */
function adjustPrivilege(b: BlockBuilder): void {
  if (!b.mode.protectedMode) return b.raise(EXCEPTION.UD);
  const right = b.read(1);
  if (b.isMemory(0)) b.emit('exitIfZero', b.call('adjustReadOnly', b.constant(b.segment), b.address(), right), b.end, 0);
  const left = b.readForWrite(0);
  const leftLevel = b.make('and', left, b.constant(3));
  const rightLevel = b.make('and', right, b.constant(3));
  const lower = b.make('shr', b.make('sub', leftLevel, rightLevel), b.constant(31));
  const raised = b.make('or', b.make('and', left, b.constant(0xfffc)), rightLevel);
  b.write(0, b.make('choose', lower, raised, left));
  b.emit('setFlags', b.make('shl', lower, b.constant(6)), 1 << 6);
  // where it can exit before, it must be the last of its block, whose instructions the exit counts
  if (b.isMemory(0)) b.leave();
}

const isControl = (b: BlockBuilder, index: number): boolean =>
  index === 0 || index === 2 || index === 3 || (index === 4 && b.mode.level !== LEVEL.i386);

function port(b: BlockBuilder, position: number): Slot {
  return b.operand(position) === 'DX' ? b.make('get16', EDX) : b.constant(b.immediate(position) & 0xff);
}

export const SYSTEM: Record<string, Lower> = {
  hlt: privileged('halt'),
  cli: system('setInterruptFlag', 0),
  sti: system('setInterruptFlag', 1),
  cpuid: system('cpuid'),
  rdtsc: (b) => {
    const low = b.call('readTimestamp');
    const high = b.call('timestampHigh');
    b.writeRegister(4, EAX, low);
    b.writeRegister(4, EDX, high);
  },
  rdmsr: privileged('readMsr'),
  wrmsr: privileged('writeMsr'),
  invd: privileged('requirePrivilege'),
  wbinvd: privileged('requirePrivilege'),
  clts: privileged('clearTaskSwitched'),
  sysenter: system('sysenter'),
  sysexit: system('sysexit'),
  vmcall: system('vmcall'),
  lgdt: loadTable('loadGdtr'),
  lidt: loadTable('loadIdtr'),
  sgdt: storeTable(0),
  sidt: storeTable(1),
  sldt: storeSelector((b) => b.call('selector', b.constant(SEGMENT_INDEX.LDTR)), true),
  str: storeSelector((b) => b.call('selector', b.constant(SEGMENT_INDEX.TR)), true),
  smsw: storeSelector((b) => b.call('machineStatus'), false),
  lldt: loadSelector('loadLdtr'),
  ltr: loadSelector('loadTr'),
  lar: inspect('accessRights'),
  lsl: inspect('segmentLimit'),
  verr: verify(0),
  verw: verify(1),
  arpl: adjustPrivilege,
  lmsw: (b) => {
    b.call('requirePrivilege');
    const value = b.read(0);
    const old = b.call('readControl', b.constant(0));
    // PE may be set but not cleared; PE, MP, EM and TS are all that LMSW touches
    const kept = b.make('and', old, b.constant(~0xe));
    b.emit('advance', b.end);
    b.call('writeControl', b.constant(0), b.make('or', kept, b.make('and', value, b.constant(0xf))));
    b.emit('leave');
  },
  invlpg: (b) => {
    b.call('requirePrivilege');
    b.emit('advance', b.end);
    b.call('invalidatePage', b.constant(b.segment), b.address());
    b.emit('leave');
  },
  movFromControl: (b) => {
    if (!isControl(b, b.instruction.reg)) return b.raise(EXCEPTION.UD);
    b.call('requirePrivilege');
    b.writeRegister(4, b.instruction.rm, b.call('readControl', b.constant(b.instruction.reg)));
  },
  movToControl: (b) => {
    if (!isControl(b, b.instruction.reg)) return b.raise(EXCEPTION.UD);
    b.call('requirePrivilege');
    b.emit('advance', b.end);
    b.call('writeControl', b.constant(b.instruction.reg), b.instruction.rm);
    b.emit('leave');
  },
  movFromDebug: (b) => {
    b.call('requirePrivilege');
    b.writeRegister(4, b.instruction.rm, b.call('readDebug', b.constant(b.instruction.reg)));
  },
  movToDebug: (b) => {
    b.call('requirePrivilege');
    b.emit('advance', b.end);
    b.call('writeDebug', b.constant(b.instruction.reg), b.instruction.rm);
    b.emit('leave');
  },
  movFromTest: (b) => {
    if (b.instruction.reg < 6) return b.raise(EXCEPTION.UD);
    b.call('requirePrivilege');
    b.writeRegister(4, b.instruction.rm, b.call('readTest', b.constant(b.instruction.reg)));
  },
  movToTest: (b) => {
    if (b.instruction.reg < 6) return b.raise(EXCEPTION.UD);
    b.call('requirePrivilege');
    b.emit('advance', b.end);
    b.call('writeTest', b.constant(b.instruction.reg), b.instruction.rm);
    b.emit('leave');
  },
  in: (b) => {
    const size = b.size(0);
    const value = b.call('portIn', port(b, 1), b.constant(size));
    b.writeRegister(size, EAX, value);
    b.endBlock();
  },
  out: (b) => {
    const size = b.size(1);
    b.call('portOut', port(b, 0), b.constant(size), b.readRegister(size, EAX));
    b.endBlock();
  },
  wait: (b) => {
    if (b.is8086) return;
    b.call('checkCoprocessor', b.constant(1));
  },
  /**
   * No part has a coprocessor yet. To the 8086 and the 80386 it is a chip of its own, and an escape that nobody takes does
   * nothing; the others say #UD, unless CR0 asks for #NM.
   */
  escape: (b) => {
    if (b.is8086) return;
    b.call('checkCoprocessor', b.constant(0));
    if (b.mode.level === LEVEL.i386) return;
    b.emit('unknown');
    b.emit('leave');
  },
};
