/**
 * Running the bare machine: slices of the processor's instructions, between which due events are delivered, until something ends
 * the run. (With VMs the hypervisor runs the processor; it shares the slices and the waiting.)
 */
import type { RunOptions } from './cpu/processor';
import type { Machine } from './machine';

/** Slices in a row without one completed instruction, after which the program is taken to be in a fault loop. */
const MOST_BARREN_SLICES = 100;

/** `limit`: exceptions are delivered one after another and no instruction ever completes, so no budget would end it. */
export type MachineStop = 'budget' | 'halted' | 'triple-fault' | 'breakpoint' | 'watchpoint' | 'exit-port' | 'out-of-memory' | 'limit';

export interface MachineRun {
  reason: MachineStop;
  /** instructions completed */
  executed: number;
}

/** As `Machine.run`. */
export function runMachine(machine: Machine, budget: number, options: RunOptions): MachineRun {
  const { processor } = machine;
  let executed = 0;
  let barren = 0;
  let passBreakpoint = options.passBreakpoint ?? false;
  for (;;) {
    machine.serviceEvents();
    const stop = machine.stopRequested();
    if (stop) return { reason: stop, executed };
    if (executed >= budget) return { reason: 'budget', executed };
    const slice = machine.slice(() => processor.run(machine.sliceLimit(budget - executed), { ...options, passBreakpoint }));
    executed += slice.executed;
    if (options.stopAtDelivery && slice.executed === 0 && slice.reason === 'budget') return { reason: 'budget', executed };
    barren = slice.executed === 0 && slice.reason === 'budget' ? barren + 1 : 0;
    if (barren === MOST_BARREN_SLICES) return { reason: 'limit', executed };
    passBreakpoint &&= slice.executed === 0;
    if (slice.reason === 'halted' && machine.stopRequested() === null && !machine.waitForEvent()) return { reason: 'halted', executed };
    if (slice.reason === 'triple-fault' || slice.reason === 'breakpoint' || slice.reason === 'watchpoint')
      return { reason: slice.reason, executed };
  }
}

/** As `Machine.waitForEvent`. */
export function waitForEvent(machine: Machine): boolean {
  const { clock, interrupts } = machine;
  if (interrupts.source.pending() && interruptible(machine)) return true;
  if (!clock.pending().some(({ device }) => matters(machine, device))) return false;
  clock.advanceTo(Math.max(clock.nextEventTick(), clock.now()));
  return true;
}

/** Could an event of this device change anything while the processor waits? A clock's cannot while its interrupt would not be taken. */
function matters(machine: Machine, device: string): boolean {
  const { interrupts, pit } = machine;
  if (device === pit.id) return interruptible(machine) && interrupts.timerReaches;
  if (device === interrupts.apic?.id) return interruptible(machine) && interrupts.apic.timerReaches;
  return true;
}

function interruptible({ processor }: Machine): boolean {
  return (processor.state.eflags & 0x200) !== 0;
}
