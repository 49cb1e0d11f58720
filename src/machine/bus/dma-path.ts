/**
 * The way of a device's requests to the chipset: a list of hops (port, root complex, IOMMU, …), asked in order, each with one
 * entry in the log, and the access itself at the end. The device gets its completion as an event some ticks later, whatever
 * happened on the way. Every request leaves a Journey, so an attack's evidence is what the hardware did, not a re-enactment.
 */
import { formatAddress, hostPhysical, PAGE_SIZE } from '../address';
import type { DeviceClock } from '../devices/device';
import type { Journey, JourneyEnd, JourneyRecorder, JourneyStep } from '../journey/journey';
import type { PhysicalMemory } from '../memory/physical-memory';
import { formatRequester } from './dma-port';
import type { DmaCompletion, DmaHop, DmaHopResult, DmaPort, DmaRequest, DmaStatus, RequesterId } from './dma-port';

/** Ticks from a request to its completion: the way there and back, and one for every 64 bytes. */
const DMA_COMPLETION_LATENCY = 20;
export const completionDelay = (length: number): number => DMA_COMPLETION_LATENCY + Math.ceil(length / 64);

/** Bytes of data kept in a Journey's end. */
const JOURNEY_VALUE_BYTES = 64;
const MESSAGE_BASE = 0xfee0_0000;
const MESSAGE_END = 0xfef0_0000;

/** What one hop (or, last, the chipset) did with a request. */
export interface DmaLogEntry {
  hop: string;
  id: number;
  requester: RequesterId;
  kind: DmaRequest['kind'];
  addressType: DmaRequest['addressType'];
  /** as it arrived at this hop, and as it left when the hop changed it */
  address: number;
  toAddress?: number;
  /** the requester ID that it left with, when the hop made it its own */
  asRequester?: RequesterId;
  length: number;
  outcome: DmaHopResult['outcome'] | 'done';
  status?: DmaStatus;
  /** VT-d fault reason of a rejection */
  reason?: number;
  text?: string;
}

/** One request from issue to its end, for whoever watches (the VMM, views, checks). */
export interface DmaRecord {
  id: number;
  requester: RequesterId;
  kind: DmaRequest['kind'];
  address: number;
  length: number;
  /** where it reached the chipset, or null when it did not */
  hostAddress: number | null;
  /** the hops that it passed, in order; where it was stopped is the last */
  path: readonly string[];
  status: DmaStatus;
  journey: Journey;
}

export interface DmaPathOptions {
  hops: readonly DmaHop[];
  memory: PhysicalMemory;
  /** the issuing device's clock: its `event` gets the completion */
  clock: Pick<DeviceClock, 'schedule'>;
  log: (entry: DmaLogEntry) => void;
  /** the chipset's and the memory controller's steps for a host address; without effects */
  describeHost: (hostAddress: number, recorder: JourneyRecorder) => JourneyEnd;
  /** the machine's instruction count now */
  instructions: () => number;
  /** the id of a request is unique on the board: the number of requests so far comes from outside and is part of its snapshot */
  nextId: () => number;
  observe?: (record: DmaRecord) => void;
  /** is told of the bytes that a request is about to read or write at the chipset */
  touches?: (address: number, length: number, write: boolean) => void;
  /** takes a 4-byte write to 0xFEEx_xxxx, the interrupt range; absent while no interrupt controller is there */
  message?: (address: number, data: number) => void;
}

export class DmaPath implements DmaPort {
  constructor(private readonly options: DmaPathOptions) {}

  issue(request: DmaRequest): number {
    checkRequest(request);
    const id = this.options.nextId();
    const steps: JourneyStep[] = [];
    const recorder: JourneyRecorder = { step: (step) => steps.push(step) };
    const path: string[] = [];
    const passed = this.passHops(id, request, recorder, path);
    const { completion, hostAddress, end } =
      'request' in passed ? this.access(id, passed.request, recorder) : { ...passed, hostAddress: null };
    const { kind, address, length } = request;
    // a legacy bridge on the way makes the request its own
    const requester = passed.requester;
    const journey: Journey = {
      access: {
        requester: formatRequester(requester),
        space: 'iova',
        address: BigInt(address),
        size: length,
        kind: kind === 'write' ? 'write' : 'read',
        at: this.options.instructions(),
        path,
      },
      steps,
      end,
    };
    this.options.observe?.({ id, requester, kind, address, length, hostAddress, path, status: completion.status, journey });
    this.options.clock.schedule(completionDelay(length), { kind: 'dma-completion', completion });
    return id;
  }

  /** Every hop in order, or from a redirection on at the hop it names. Ends with the request for the chipset, or with the answer. */
  private passHops(
    id: number,
    issued: DmaRequest,
    recorder: JourneyRecorder,
    path: string[],
  ): { requester: RequesterId } & ({ request: DmaRequest } | { completion: DmaCompletion; end: JourneyEnd }) {
    let request = issued;
    const { hops } = this.options;
    for (let index = 0; index < hops.length; index++) {
      const hop = hops[index]!;
      path.push(hop.id);
      const { requester } = request;
      const result = hop.handle(request, recorder);
      this.logHop(id, hop.id, request, result);
      if (result.outcome === 'reject') {
        const end: JourneyEnd = {
          kind: 'fault',
          fault: { name: hop.id === 'iommu' ? 'iommu-fault' : 'dma-rejected', reason: result.reason },
        };
        return { requester, completion: { id, status: result.status }, end };
      }
      if (result.outcome === 'answer') {
        const completion = { id, status: result.status, ...(result.data ? { data: result.data } : {}) };
        const hostAddress = BigInt(request.address);
        const end: JourneyEnd = result.register
          ? { kind: 'register', hostAddress, ...result.register }
          : { kind: 'nobody', hostAddress, ...(result.data ? { value: result.data } : {}) };
        return { requester, completion, end };
      }
      request = result.request;
      if (result.outcome === 'redirect') {
        const target = hops.findIndex((candidate, position) => position > index && candidate.id === result.to);
        if (target < 0)
          return {
            requester,
            completion: { id, status: 'unsupported-request' },
            end: { kind: 'fault', fault: { name: 'dma-rejected', reason: 0 } },
          };
        index = target - 1;
      }
    }
    path.push('chipset');
    return { requester: request.requester, request };
  }

  /** The access at the chipset end. It happens here and now; only the answer takes time. */
  private access(
    id: number,
    request: DmaRequest,
    recorder: JourneyRecorder,
  ): { completion: DmaCompletion; hostAddress: number; end: JourneyEnd } {
    const { memory, message } = this.options;
    const host = request.address;
    const base = { hop: 'chipset', id, requester: request.requester, addressType: request.addressType, length: request.length };
    this.options.log({ ...base, kind: request.kind, address: host, outcome: 'done', status: 'success' });
    if (message && request.kind === 'write' && request.data && isMessage(request)) {
      message(host, new DataView(request.data.buffer, request.data.byteOffset).getUint32(0, true));
      const end: JourneyEnd = {
        kind: 'register',
        hostAddress: BigInt(host),
        device: 'interrupts',
        region: 'message',
        offset: host - MESSAGE_BASE,
      };
      return { completion: { id, status: 'success' }, hostAddress: host, end };
    }
    this.options.touches?.(host, request.length, request.kind === 'write');
    let data: Uint8Array | undefined;
    if (request.kind === 'read') data = memory.readBytes(hostPhysical(host), request.length);
    else if (request.data) memory.writeBytes(hostPhysical(host), request.data);
    const end = this.options.describeHost(host, recorder);
    const value = (data ?? request.data)?.slice(0, JOURNEY_VALUE_BYTES);
    return {
      completion: { id, status: 'success', ...(data ? { data } : {}) },
      hostAddress: host,
      end: value && (end.kind === 'dram' || end.kind === 'nobody') ? { ...end, value } : end,
    };
  }

  private logHop(id: number, hop: string, request: DmaRequest, result: DmaHopResult): void {
    const { requester, kind, addressType, address, length } = request;
    const entry: DmaLogEntry = { hop, id, requester, kind, addressType, address, length, outcome: result.outcome };
    if (result.outcome === 'accept' || result.outcome === 'redirect') {
      if (result.request.address !== address) entry.toAddress = result.request.address;
      if (result.request.requester !== requester) entry.asRequester = result.request.requester;
    } else {
      entry.status = result.status;
      if (result.outcome === 'reject') Object.assign(entry, { reason: result.reason, text: result.text });
    }
    this.options.log(entry);
  }
}

/** Throws RangeError when a request breaks the port's rules: that is a mistake in a device, not in a guest. */
function checkRequest({ address, length, kind, data }: DmaRequest): void {
  if (!Number.isSafeInteger(address) || address < 0) throw new RangeError(`a DMA request's address is ${address}`);
  if (!Number.isInteger(length) || length < 1 || length > PAGE_SIZE)
    throw new RangeError(`a DMA request's length is ${length}: expected 1 to 4096`);
  if (Math.floor(address / PAGE_SIZE) !== Math.floor((address + length - 1) / PAGE_SIZE))
    throw new RangeError(`a DMA request of ${length} bytes at ${formatAddress(address)} crosses a 4 KiB boundary`);
  if (kind === 'write' && data?.length !== length) throw new RangeError(`a DMA write of ${length} bytes carries ${data?.length ?? 0}`);
}

const isMessage = ({ address, length }: DmaRequest): boolean =>
  length === 4 && address % 4 === 0 && address >= MESSAGE_BASE && address < MESSAGE_END;

/** The port that a device is plugged into. With source validation it lets only the device's own requester ID through (PCIe ACS). */
export class DevicePort implements DmaHop {
  readonly id = 'port';
  constructor(
    private readonly requester: RequesterId,
    private readonly validateSource = false,
  ) {}

  handle(request: DmaRequest): DmaHopResult {
    if (this.validateSource && request.requester !== this.requester)
      return {
        outcome: 'reject',
        status: 'unsupported-request',
        reason: 0,
        text: `requester ${formatRequester(request.requester)} does not sit at this port`,
      };
    return { outcome: 'accept', request };
  }
}

/** The root complex: where the requests of all ports come together before the IOMMU and the chipset. */
export class RootComplex implements DmaHop {
  readonly id = 'root-complex';

  handle(request: DmaRequest): DmaHopResult {
    return { outcome: 'accept', request };
  }
}
