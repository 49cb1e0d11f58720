/**
 * Hardware task switches (SDM vol. 3, ch. 7): the old task's registers go into its TSS, the new task's come from its own.
 * Up to the commit point a fault belongs to the old task and nothing has changed; after it the new task's context is in
 * place and its faults are delivered there.
 */
import type { MemoryAccess } from './access';
import type { CpuState } from './cpu-state';
import { FLAG } from './flags';
import { pagingEnabled, type PagingContext } from './paging-registers';
import { decodeSegment, descriptorDpl, isCode, isConforming, isPresent, isWideSystem } from './segmentation';
import { isNull } from './segment-loads';
import type { SegmentLoads } from './segment-loads';
import { StackCursor, failed } from './stack';
import { SEGMENT_INDEX } from './state-layout';
import type { TaskEvent, TaskSwitchReason, TaskSwitcher } from './transfers';
import { VECTOR } from './vectors';

const { ES, CS, SS, DS, FS, GS, LDTR, TR } = SEGMENT_INDEX;
const CR0_TS = 8;

/** Byte offsets in a TSS of either size (SDM vol. 3, figures 7-2 and 7-10). Segments in the order ES CS SS DS FS GS. */
interface TssLayout {
  size: 2 | 4;
  /** the T bit's word; a 16-bit TSS has none */
  trap: number | null;
  smallestLimit: number;
  cr3: number | null;
  ip: number;
  flags: number;
  registers: number;
  segments: number;
  segmentCount: number;
  ldt: number;
}
const TSS_32: TssLayout = {
  size: 4,
  trap: 0x64,
  smallestLimit: 0x67,
  cr3: 0x1c,
  ip: 0x20,
  flags: 0x24,
  registers: 0x28,
  segments: 0x48,
  segmentCount: 6,
  ldt: 0x60,
};
const TSS_16: TssLayout = {
  size: 2,
  trap: null,
  smallestLimit: 0x2b,
  cr3: null,
  ip: 0x0e,
  flags: 0x10,
  registers: 0x12,
  segments: 0x22,
  segmentCount: 4,
  ldt: 0x2a,
};

export interface TaskServices {
  /** MOV CR3 with everything that follows from it; no privilege check */
  loadPageTables(cr3: number): boolean;
  /** Delivers the fault in `stop` in the context of the new task. */
  deliverInNewTask(): void;
  /** The new task begins: its own breakpoints are none, and its T bit asks for a debug trap before its first instruction. */
  beginDebugging(trap: boolean): void;
}

interface NewTask {
  cr3: number;
  ip: number;
  flags: number;
  registers: number[];
  segments: number[];
  ldt: number;
  trap: boolean;
}

export class Tasks implements TaskSwitcher {
  constructor(
    private readonly state: CpuState,
    private readonly access: MemoryAccess,
    private readonly loads: SegmentLoads,
    private readonly context: PagingContext,
    private readonly services: TaskServices,
  ) {}

  switchTo(selector: number, reason: TaskSwitchReason, nextOffset: number, event?: TaskEvent): boolean {
    const { state, access, loads } = this;
    const descriptor = loads.capture();
    const layout = isWideSystem(loads.attributes) ? TSS_32 : TSS_16;
    const { base, limit } = decodeSegment(descriptor.low, descriptor.high);
    if (limit < layout.smallestLimit) return loads.fault(VECTOR.invalidTss, selector);
    const task = this.readTask(base, layout);
    if (!task) return false;

    const oldSelector = state.selector(TR);
    const nested = reason === 'call' || reason === 'event';
    if (!this.saveOldTask(nextOffset, reason === 'return', event?.savedFlags ?? 0)) return false;
    if (!nested) {
      if (!loads.fetch(oldSelector, VECTOR.invalidTss) || !loads.markBusy(false)) return false;
      loads.use(descriptor);
    }
    if (nested) {
      access.storeSystem(base, 2, oldSelector);
      if (failed(state)) return false;
    }
    if (reason !== 'return' && !loads.markBusy(true)) return false;

    // commit point
    loads.install(TR, selector);
    state.setSegmentAttributes(TR, state.segmentAttributes(TR) | 2);
    state.cr0 = (state.cr0 | CR0_TS) >>> 0;
    if (layout.cr3 !== null && pagingEnabled(this.context)) this.services.loadPageTables(task.cr3);
    this.loadRegisters(task, layout, nested);
    this.services.beginDebugging(task.trap);
    const external = loads.external;
    if (!this.loadSegments(task) || !this.pushErrorCode(event?.errorCode, layout.size)) {
      loads.external = 0;
      this.services.deliverInNewTask();
      loads.external = external;
    }
    return true;
  }

  private readTask(base: number, layout: TssLayout): NewTask | undefined {
    const read = (offset: number, size: 2 | 4): number => (failed(this.state) ? 0 : this.access.loadSystem((base + offset) >>> 0, size));
    const task: NewTask = {
      cr3: layout.cr3 === null ? 0 : read(layout.cr3, 4),
      ip: read(layout.ip, layout.size),
      flags: read(layout.flags, layout.size),
      registers: Array.from({ length: 8 }, (_, index) => read(layout.registers + index * layout.size, layout.size)),
      segments: Array.from({ length: 6 }, (_, index) => (index < layout.segmentCount ? read(layout.segments + index * layout.size, 2) : 0)),
      ldt: read(layout.ldt, 2),
      trap: layout.trap !== null && (read(layout.trap, 2) & 1) !== 0,
    };
    return failed(this.state) ? undefined : task;
  }

  /** @param extraFlags set in the saved EFLAGS */
  private saveOldTask(nextOffset: number, returning: boolean, extraFlags: number): boolean {
    const { state, access } = this;
    const layout = isWideSystem(state.segmentAttributes(TR)) ? TSS_32 : TSS_16;
    const base = state.segmentBase(TR);
    const last = layout.segments + layout.segmentCount * layout.size - 1;
    if (last > state.segmentLimit(TR)) return this.loads.fault(VECTOR.invalidTss, state.selector(TR));
    if (!access.prepareLinear((base + layout.ip) >>> 0, last - layout.ip + 1, false)) return false;
    const flags = (returning ? state.eflags & ~FLAG.NT : state.eflags) | extraFlags;
    const write = (offset: number, value: number): void => {
      if (!failed(state)) access.storeSystem((base + offset) >>> 0, layout.size, value);
    };
    write(layout.ip, nextOffset);
    write(layout.flags, flags);
    for (let index = 0; index < 8; index++) write(layout.registers + index * layout.size, state.reg32(index));
    for (let index = 0; index < layout.segmentCount; index++) write(layout.segments + index * layout.size, state.selector(index));
    return !failed(state);
  }

  private loadRegisters(task: NewTask, layout: TssLayout, nested: boolean): void {
    const { state } = this;
    state.eip = task.ip;
    state.eflags = nested ? task.flags | FLAG.NT : task.flags;
    task.registers.forEach((value, index) => state.setReg32(index, layout.size === 4 ? value : (0xffff_0000 | value) >>> 0));
  }

  /** In the new task's context; a fault here is the new task's. */
  private loadSegments(task: NewTask): boolean {
    const { state, loads } = this;
    const [es, cs, ss, ds, fs, gs] = task.segments as [number, number, number, number, number, number];
    const names = [ES, CS, SS, DS, FS, GS] as const;
    const virtual = state.virtual8086;
    const cpl = virtual ? 3 : cs & 3;
    loads.installNull(LDTR, task.ldt);
    names.forEach((segment, index) => {
      if (virtual) loads.installVirtual8086(segment, task.segments[index]!);
      else loads.installNull(segment, task.segments[index]!);
    });
    if (!virtual) state.setSegmentAttributes(SS, (state.segmentAttributes(SS) & ~0x60) | (cpl << 5));

    if (!isNull(task.ldt)) {
      if (!loads.fetchLdt(task.ldt, VECTOR.invalidTss, VECTOR.invalidTss)) return false;
      loads.install(LDTR, task.ldt);
    }
    if (virtual) return true;
    if (!loads.fetchStack(ss, cpl, VECTOR.invalidTss) || !loads.markAccessed()) return false;
    loads.install(SS, ss);
    if (!this.loadCode(cs, task.ip)) return false;
    for (const [segment, selector] of [[ES, es], [DS, ds], [FS, fs], [GS, gs]] as const) {
      if (!loads.loadData(segment, selector, VECTOR.invalidTss)) return false;
    } // prettier-ignore
    return true;
  }

  private loadCode(selector: number, ip: number): boolean {
    const { loads } = this;
    if (isNull(selector)) return loads.fault(VECTOR.invalidTss, 0);
    if (!loads.fetch(selector, VECTOR.invalidTss)) return false;
    const attributes = loads.attributes;
    const level = selector & 3;
    const dpl = descriptorDpl(attributes);
    if (!isCode(attributes) || (isConforming(attributes) ? dpl > level : dpl !== level)) return loads.fault(VECTOR.invalidTss, selector);
    if (!isPresent(attributes)) return loads.fault(VECTOR.segmentNotPresent, selector);
    if (!loads.markAccessed()) return false;
    loads.install(CS, selector);
    if (ip > decodeSegment(loads.low, loads.high).limit) return this.state.raise(VECTOR.generalProtection, loads.external);
    return true;
  }

  private pushErrorCode(errorCode: number | undefined, size: 2 | 4): boolean {
    if (errorCode === undefined) return true;
    const stack = StackCursor.current(this.state, this.access);
    if (!stack.pushAll([errorCode], size, this.loads.external)) return false;
    this.state.setReg32(4, stack.pointer);
    return true;
  }
}
