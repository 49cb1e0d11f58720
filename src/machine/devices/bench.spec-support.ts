/**
 * A test bench for one device: a clock that is moved by hand, an interrupt line, a log and a DMA port over plain bytes that
 * all record what the device did. Used by the specs beside the devices.
 */
import type { DmaPort, DmaRequest, DmaStatus } from '../bus/dma-port';
import type { DeviceContext, EventTag } from './device';

export interface DeviceBench {
  context: DeviceContext;
  /** memory behind the DMA port, from address 0 */
  memory: Uint8Array;
  requests: DmaRequest[];
  notes: { event: string; detail: Record<string, number | string> }[];
  interrupt: () => boolean;
  /** what the port answers from now on */
  answerWith: (status: DmaStatus) => void;
  pending: () => readonly { tick: number; tag: EventTag }[];
  /** moves the clock to the last event that is due within `ticks`, delivering all of them */
  advance: (ticks: number, deliver: (tag: EventTag) => void) => void;
}

/** `latency`: ticks from a request to its completion. */
export function deviceBench(memoryBytes = 64 * 1024, latency = 20): DeviceBench {
  const memory = new Uint8Array(memoryBytes);
  const requests: DmaRequest[] = [];
  const notes: DeviceBench['notes'] = [];
  let asserted = false;
  let now = 0;
  let status: DmaStatus = 'success';
  let events: { tick: number; tag: EventTag }[] = [];
  const dma: DmaPort = {
    issue(request) {
      requests.push(request);
      const id = requests.length;
      const fits = request.address + request.length <= memory.length;
      const outcome = fits ? status : 'unsupported-request';
      if (outcome === 'success' && request.kind === 'write' && request.data) memory.set(request.data, request.address);
      const data =
        outcome === 'success' && request.kind === 'read' ? memory.slice(request.address, request.address + request.length) : undefined;
      events.push({ tick: now + latency, tag: { kind: 'dma-completion', completion: { id, status: outcome, ...(data ? { data } : {}) } } });
      return id;
    },
  };
  const context: DeviceContext = {
    dma,
    interrupt: { set: (level) => (asserted = level) },
    clock: {
      now: () => now,
      schedule: (delay, tag) => events.push({ tick: now + delay, tag }),
      cancel: (kind) => (events = events.filter((event) => event.tag.kind !== kind)),
    },
    log: { note: (event, detail = {}) => notes.push({ event, detail }) },
  };
  return {
    context,
    memory,
    requests,
    notes,
    interrupt: () => asserted,
    answerWith: (next) => (status = next),
    pending: () => events,
    advance(ticks, deliver) {
      const end = now + ticks;
      for (;;) {
        const due = events.filter((event) => event.tick <= end).sort((a, b) => a.tick - b.tick)[0];
        if (!due) break;
        events = events.filter((event) => event !== due);
        now = due.tick;
        deliver(due.tag);
      }
      now = end;
    },
  };
}
