/**
 * The devices that a board's drawing names, at their places: what each is made with (clock, interrupt line, log, and the path that
 * its DMA takes), which PCI address it has, and how one comes or goes while the power is on.
 */
import { devicePart } from './board/parts';
import type { Board, BoardDevice } from './board/schema';
import type { DeviceNode } from './board/topology';
import { BoardError } from './board-error';
import type { Bus } from './bus/bus';
import type { Chipset } from './bus/chipset';
import { DmaPath, RootComplex, type DmaRecord } from './bus/dma-path';
import type { RequesterId } from './bus/dma-port';
import { reportOfHop } from './bus/dma-report';
import type { PciTree } from './bus/pci-tree';
import type { TransactionLog } from './bus/transaction-log';
import type { MachineClock } from './clock/machine-clock';
import { createDevice } from './devices';
import type { Device, DeviceContext } from './devices/device';
import type { BoardInterrupts } from './interrupts/board-interrupts';
import { deviceIrq } from './interrupts/lines';
import type { Iommu } from './iommu/iommu';
import type { JourneyEnd, JourneyRecorder } from './journey/journey';
import type { MemoryModel } from './memory-model';

/** What the devices of a machine share. */
export interface BoardDevicesParts {
  bus: Bus;
  chipset: Chipset;
  clock: MachineClock;
  interrupts: BoardInterrupts;
  log: TransactionLog;
  memory: MemoryModel;
  pciTree: PciTree;
  iommu?: Iommu | undefined;
  /** instructions completed, for the time of a DMA request */
  instructions: () => number;
  /** the end of a DMA request's Journey */
  explainHost: (address: number, recorder: JourneyRecorder) => JourneyEnd;
}

export class BoardDevices {
  /** PCI address of each board device, as configuration space knows it */
  readonly requesters = new Map<string, RequesterId>();
  /** the requester ID under which the IOMMU sees each device's DMA; devices behind one legacy bridge share it */
  readonly dmaRequesters = new Map<string, RequesterId>();
  /** DMA requests made since power-on: the last one's number */
  dmaRequests = 0;

  private readonly dmaListeners: ((record: DmaRecord) => void)[] = [];
  private readonly dmaIssueListeners: (() => void)[] = [];

  constructor(private readonly parts: BoardDevicesParts) {
    for (const place of parts.pciTree.topology.devices.values()) this.enlist(place);
  }

  /** Called when a device has issued a DMA request, before anything has happened to it: memory is still as it was. */
  beforeDma(listener: () => void): void {
    this.dmaIssueListeners.push(listener);
  }

  /** Called with every finished DMA request and its Journey. */
  onDma(listener: (record: DmaRecord) => void): void {
    this.dmaListeners.push(listener);
  }

  /** Puts a drawn device where it belongs, before power-on. Throws BoardError when it has no kind or no place of its own. */
  plug(drawn: BoardDevice): void {
    const part = devicePart(drawn.kind);
    if (!part) throw new BoardError(drawn.id, `no device of kind ${drawn.kind} in the catalogue`);
    const place = this.parts.pciTree.topology.devices.get(drawn.id);
    if (part.pci && place === undefined) throw new BoardError(drawn.id, 'its PCI address is taken or malformed');
    const device = this.create(drawn, place);
    this.parts.bus.attach(device, { requester: place?.requester });
    if (place) this.parts.pciTree.attach(device, place);
  }

  /** Plugs `id` of the board `after` at its place there while the power is on: as after reset, without addresses. */
  plugLive(after: Board, id: string, place: DeviceNode): void {
    const { bus, pciTree, log } = this.parts;
    const device = this.create(
      after.devices.find((each) => each.id === id)!,
      place,
    );
    bus.attach(device, { requester: place.requester });
    pciTree.plug(device, place);
    this.enlist(place);
    device.reset();
    log.add({ kind: 'note', code: 'plugged', who: id, outcome: 'ok', data: { part: id } });
  }

  /** Takes a device away while the power is on: its registers, its events and its hold on an interrupt line are gone. */
  unplugLive(id: string): void {
    const { bus, clock, pciTree, log } = this.parts;
    // lets go of its interrupt line
    bus.device(id)?.reset();
    clock.cancel(id);
    pciTree.unplug(id);
    bus.detach(id);
    this.requesters.delete(id);
    this.dmaRequesters.delete(id);
    log.add({ kind: 'note', code: 'unplugged', who: id, outcome: 'ok', data: { part: id } });
  }

  /**
   * What a device is made with. One without a `place` on PCI (null) makes no DMA; one without `irq` pulls no line.
   */
  contextFor(id: string, place: DeviceNode | null, irq: number | undefined): DeviceContext {
    const clock = this.parts.clock.forDevice(id);
    const line = irq === undefined ? { set: () => undefined } : this.parts.interrupts.lines.forDevice(id, irq);
    return {
      clock,
      interrupt: line,
      dma:
        place === null
          ? {
              issue: () => {
                throw new BoardError(id, 'it has no place on PCI and cannot make DMA');
              },
            }
          : this.dmaPath(place, clock),
      log: {
        note: (event, detail) =>
          this.parts.log.add({ kind: 'note', code: event, who: id, answeredBy: id, outcome: 'ok', ...(detail ? { data: detail } : {}) }),
      },
    };
  }

  private create({ id, kind, dmaMask, ...rest }: BoardDevice, place: DeviceNode | undefined): Device {
    const context = this.contextFor(id, place ?? null, place && deviceIrq(place));
    return createDevice(kind, id, context, { requester: place?.requester, dmaMask: dmaMask ?? devicePart(kind)?.dmaMask, ...rest });
  }

  private enlist({ id, requester, dmaRequester }: DeviceNode): void {
    this.requesters.set(id, requester);
    this.dmaRequesters.set(id, dmaRequester);
  }

  /** What stands behind a device's port: the port itself, the bridges above, the root complex, the IOMMU when there is one, the chipset. */
  private dmaPath(place: DeviceNode, clock: DeviceContext['clock']): DmaPath {
    const { chipset, interrupts, iommu, log, memory, pciTree } = this.parts;
    return new DmaPath({
      hops: [...pciTree.hops(place), new RootComplex(), ...(iommu ? [iommu] : [])],
      memory: chipset,
      ...(interrupts.apic ? { message: (address, data) => interrupts.message(address, data) } : {}),
      clock,
      log: (entry) => log.add(reportOfHop(entry, entry.hop === 'chipset' ? chipset.entryAt(entry.address)?.range : undefined)),
      describeHost: (address, recorder) => this.parts.explainHost(address, recorder),
      instructions: this.parts.instructions,
      touches: (address, length, write) => memory.dma(address, length, write),
      nextId: () => {
        for (const listener of this.dmaIssueListeners) listener();
        return ++this.dmaRequests;
      },
      observe: (record) => {
        for (const listener of this.dmaListeners) listener(record);
      },
    });
  }
}
