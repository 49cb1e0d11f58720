/** Any access in any space as one Journey: processor, EPT, IOMMU, chipset and memory controller add their steps, nothing changes. */
import { formatRequester, parseRequester } from '../../machine/bus/dma-port';
import type { AccessedSegment } from '../../machine/cpu/access';
import { contextFromControlBlock, contextFromState, explainAccess, type TranslationContext } from '../../machine/cpu/explain';
import type { Journey, JourneyEnd, JourneyStep, Place } from '../../machine/journey/journey';
import type { Machine } from '../../machine/machine';
import { PAGE_SIZE, hostPhysical } from '../../machine/address';
import { text } from '../document/problem';
import type { AccessQuery, FrameOwner } from '../protocol';
import { QueryError } from './computer';
import { stateCopy } from './registers-view';

/** What an explanation needs of the powered-on system. */
export interface ExplainSource {
  machine: Machine;
  /** host address of a VM's control block; null when there is no such VM */
  controlBlock(vm: string): number | null;
  ownerOf(host: number): FrameOwner | null;
}

/** Registers that decide a translation: the bare processor's, or a VM's as they lie in its control block. Throws QueryError for an unknown VM. */
export function translationContext({ machine, controlBlock }: ExplainSource, vm: string | null): TranslationContext {
  const bits = machine.map.physicalAddressBits;
  if (vm === null) return contextFromState(stateCopy(machine.processor.state.u8), bits);
  const block = controlBlock(vm);
  if (block === null) throw new QueryError(text(`There is no VM "${vm}".`, `没有虚拟机 “${vm}”。`));
  return contextFromControlBlock(machine.chipset, hostPhysical(block), bits);
}

export const ownerText = (owner: FrameOwner | null): string | undefined => {
  if (!owner) return undefined;
  if (owner.kind === 'vm') return owner.vm;
  if (owner.kind === 'vmm' || owner.kind === 'table') return `VMM: ${owner.part}`;
  return owner.kind === 'device' ? owner.device : 'host';
};

/** The same walk with the cells of the table entries it read, and whose memory it ended in. */
export function withCells({ machine, ownerOf }: ExplainSource, journey: Journey): Journey {
  const steps = journey.steps.map((step) =>
    step.entryHostAddress === undefined
      ? step
      : { ...step, entryCell: step.entryCell ?? machine.controller.locate(hostPhysical(Number(step.entryHostAddress)))?.cell },
  );
  const { end } = journey;
  const owner = end.kind === 'dram' ? ownerText(ownerOf(Number(end.hostAddress))) : undefined;
  return { ...journey, steps, end: owner === undefined ? end : ({ ...end, owner } as JourneyEnd) };
}

/** Which device makes the access: the one named, or the only one there is. */
function requesterOf(machine: Machine, query: AccessQuery): number {
  if (query.requester !== undefined) {
    const requester = parseRequester(query.requester) ?? machine.devices.dmaRequesters.get(query.requester);
    if (requester !== undefined) return requester;
    throw new QueryError(
      text(`"${query.requester}" is no requester ID, as 00:04.0.`, `“${query.requester}” 不是请求者 ID（如 00:04.0）。`),
    );
  }
  const all = [...new Set(machine.devices.dmaRequesters.values())];
  if (all.length === 1) return all[0]!;
  throw new QueryError(
    text(
      'An I/O virtual address needs the device that uses it: give its requester ID, as 00:04.0.',
      'I/O 虚拟地址需要指明使用它的设备：请给出请求者 ID，如 00:04.0。',
    ),
  );
}

function iovaSteps(
  machine: Machine,
  requester: number,
  address: number,
  query: AccessQuery,
  steps: JourneyStep[],
): { host: number } | { end: JourneyEnd } {
  const recorder = { step: (step: JourneyStep) => void steps.push(step) };
  const from: Place = { space: 'iova', address: BigInt(address) };
  if (!machine.iommu) {
    recorder.step({
      room: 'bus',
      from,
      to: { space: 'host', address: BigInt(address) },
      structure: 'identity',
      fields: { iommu: false },
      checks: [],
      cached: false,
    });
    return { host: address };
  }
  const result = machine.iommu.explainIova(requester, address, query.kind === 'write' ? 'write' : 'read', recorder);
  return result.outcome === 'host'
    ? { host: result.address }
    : { end: { kind: 'fault', fault: { name: 'iommu-fault', reason: result.reason } } };
}

/** An access that an instruction has made, told afterwards. */
export interface MadeAccess {
  /** the segment register as it was; as it is now unless told */
  through?: AccessedSegment;
  /** the TLB holds the translation by now because this access has brought it: the tables were read */
  missed?: boolean;
}

/**
 * The way of an access, and with it that of the bytes that lie on the next linear page. Throws QueryError when the query names a VM, a
 * device or an address that is not there.
 * @param made what is known of it when it was really made
 */
export function explainQuery(source: ExplainSource, query: AccessQuery, made: MadeAccess = {}): Journey {
  const first = explainPart(source, query, query.size, made);
  const linear = first.steps.find(({ from }) => from.space === 'linear')?.from.address;
  if (linear === undefined || first.end.kind === 'fault') return first;
  const onPage = PAGE_SIZE - Number(linear % BigInt(PAGE_SIZE));
  if (query.size <= onPage) return first;
  const next = BigInt.asUintN(32, linear + BigInt(onPage));
  const { vm, kind } = query;
  const cpl = first.access.cpl === undefined ? {} : { cpl: first.access.cpl };
  const across: AccessQuery = { vm, space: 'linear', address: next, size: query.size, kind, ...cpl };
  const rest = explainPart(source, across, query.size - onPage, { missed: made.missed ?? false });
  return { ...cut(first, onPage), rest };
}

/** Of what an access found, the bytes that its page holds. */
const cut = (journey: Journey, bytes: number): Journey =>
  journey.end.kind === 'dram' && journey.end.value
    ? { ...journey, end: { ...journey.end, value: journey.end.value.subarray(0, bytes) } }
    : journey;

function withSegment(context: TranslationContext, { segment }: AccessQuery, through: AccessedSegment | undefined): TranslationContext {
  if (through === undefined || segment === undefined) return context;
  const { register, protectedMode, virtual8086 } = through;
  return { ...context, protectedMode, virtual8086, segments: { ...context.segments, [segment]: register } };
}

function explainPart(source: ExplainSource, query: AccessQuery, size: number, { through, missed }: MadeAccess): Journey {
  const { machine } = source;
  const steps: JourneyStep[] = [];
  const recorder = { step: (step: JourneyStep) => void steps.push(step) };
  const access: Journey['access'] = {
    space: query.space,
    address: query.address,
    size,
    kind: query.kind,
    at: machine.instructions,
  };
  const finish = (end: JourneyEnd): Journey => {
    const bytes = end.kind === 'dram' ? { value: machine.chipset.peek(hostPhysical(Number(end.hostAddress)), size) } : {};
    return withCells(source, { access, steps, end: { ...end, ...bytes } });
  };
  const outside = (): QueryError =>
    new QueryError(
      text(
        `0x${query.address.toString(16)} is no ${query.space} address of this machine.`,
        `0x${query.address.toString(16)} 不是此机器的有效地址。`,
      ),
    );
  if (query.address < 0n || query.address > BigInt(Number.MAX_SAFE_INTEGER)) throw outside();
  if (query.space === 'iova') {
    const requester = requesterOf(machine, query);
    access.requester = formatRequester(requester);
    const found = iovaSteps(machine, requester, Number(query.address), query, steps);
    return finish('end' in found ? found.end : machine.explainHost(found.host, recorder));
  }
  if (query.space === 'host') return finish(machine.explainHost(Number(query.address), recorder));
  const context = withSegment(translationContext(source, query.vm), query, through);
  if (query.vm !== null) access.vm = query.vm;
  if (query.space !== 'guest') access.cpl = query.cpl ?? context.cpl;
  let found;
  try {
    const { space, address, kind, segment, cpl } = query;
    found = explainAccess(
      context,
      { space, address, size, kind, ...(segment ? { segment } : {}), ...(cpl !== undefined ? { cpl } : {}) },
      machine.chipset,
      recorder,
      missed ? undefined : machine.processor.tlb,
    );
  } catch (thrown) {
    if (thrown instanceof RangeError) throw outside();
    throw thrown;
  }
  return finish('fault' in found ? { kind: 'fault', fault: found.fault } : machine.explainHost(found.hostAddress, recorder));
}

/** Host address behind an address of a VM or of the bare machine as the tables stand now, or null. Records nothing. */
export function hostAddressOf(
  source: ExplainSource,
  context: TranslationContext,
  space: 'linear' | 'guest',
  address: number,
): number | null {
  if (space === 'linear' && address >= 2 ** 32) return null;
  const found = explainAccess(context, { space, address: BigInt(address), size: 1, kind: 'read', cpl: 0 }, source.machine.chipset, {
    step: () => {},
  });
  return 'fault' in found ? null : found.hostAddress;
}
