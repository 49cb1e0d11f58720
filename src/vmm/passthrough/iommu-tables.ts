/**
 * What the VMM writes for the IOMMU: the root table, a context table for each bus in use, and for every VM with a device one
 * set of second-level tables that says the same as the VM's guest-physical map. All of it bytes in host memory.
 */
import { hostPhysical, PAGE_SIZE } from '../../machine/address';
import type { RequesterId } from '../../machine/bus/dma-port';
import type { PhysicalMemory } from '../../machine/memory/physical-memory';
import type { TablePart } from '../frames/frame-owner';
import { PageTables, sameBytes } from '../translation/page-tables';
import type { TableDifference } from '../translation/page-tables';

/** R and W; no snoop control, no transient mapping: this unit has neither. */
const READ_WRITE = 3;
/** AW code of a 48-bit, four-level context. */
const AW_48 = 2n;

/** Bytes of a table that are not as the VMM wrote them. */
export interface IommuTableDamage {
  part: TablePart;
  vm?: string;
  address: number;
  expected: bigint;
  found: bigint;
}

interface SavedIommuTables {
  root: number;
  contexts: [bus: number, hostFrame: number][];
  devices: [requester: RequesterId, vm: string][];
  domains: [vm: string, domain: number, tables: number[]][];
}

interface Domain {
  id: number;
  tables: PageTables;
}

/** One table of 16-byte entries, and what it should hold. */
interface EntryTable {
  hostFrame: number;
  expected: Uint8Array;
}

export class IommuTables {
  private root: EntryTable;
  private readonly contexts = new Map<number, EntryTable>();
  private readonly devices = new Map<RequesterId, string>();
  private readonly domains = new Map<string, Domain>();

  constructor(
    private readonly memory: PhysicalMemory,
    private readonly allocateFrame: (part: TablePart, vm?: string) => number,
    saved?: SavedIommuTables,
  ) {
    if (!saved) {
      this.root = this.createTable('iommu-root');
      return;
    }
    this.root = { hostFrame: saved.root, expected: new Uint8Array(PAGE_SIZE) };
    for (const [bus, hostFrame] of saved.contexts) {
      this.contexts.set(bus, { hostFrame, expected: new Uint8Array(PAGE_SIZE) });
      setEntry(this.root, bus, BigInt(hostFrame * PAGE_SIZE) | 1n, 0n);
    }
    for (const [vm, id, tables] of saved.domains) this.domains.set(vm, { id, tables: this.createPageTables(vm, tables) });
    for (const [requester, vm] of saved.devices) {
      this.devices.set(requester, vm);
      this.expectContext(requester, this.domains.get(vm)!);
    }
  }

  /** Host-physical address of the root table. */
  get rootAddress(): number {
    return this.root.hostFrame * PAGE_SIZE;
  }

  /** Domain ID of a VM that has devices. */
  domainOf(vm: string): number | undefined {
    return this.domains.get(vm)?.id;
  }

  /** Host-physical address of the context table in use for the lowest bus, undefined when no device is assigned. */
  contextTableAddress(): number | undefined {
    const lowest = [...this.contexts.keys()].sort((a, b) => a - b)[0];
    return lowest === undefined ? undefined : this.contexts.get(lowest)!.hostFrame * PAGE_SIZE;
  }

  /** Host-physical address of the top second-level table of a VM's devices, undefined when it has none. */
  secondLevelAddress(vm: string): number | undefined {
    return this.domains.get(vm)?.tables.rootAddress;
  }

  /** Bytes of host memory that a VM's second-level tables take. */
  tableBytes(vm: string): number {
    return (this.domains.get(vm)?.tables.pageCount ?? 0) * PAGE_SIZE;
  }

  /** Puts a device into the domain of a VM, which begins empty: every access faults until memory is mapped. */
  assign(requester: RequesterId, vm: string): void {
    const domain = this.domain(vm);
    const bus = requester >> 8;
    let table = this.contexts.get(bus);
    if (!table) {
      table = this.createTable('iommu-context');
      this.contexts.set(bus, table);
      setEntry(this.root, bus, BigInt(table.hostFrame * PAGE_SIZE) | 1n, 0n);
      this.writeEntry(this.root, bus);
    }
    this.devices.set(requester, vm);
    this.expectContext(requester, domain);
    this.writeEntry(table, requester & 0xff);
  }

  /** Lets the devices of a VM reach the host frames behind its guest frames, read and write. */
  map(vm: string, guest: number, host: number, count: number): void {
    this.domain(vm).tables.map(guest, host, count, READ_WRITE);
  }

  /** After loading a snapshot: only the VMM's own copy needs the entries. */
  expect(vm: string, guest: number, host: number, count: number): void {
    this.domains.get(vm)?.tables.expect(guest, host, count, READ_WRITE);
  }

  /** Everything that is not as it was written, leaving no trace. */
  damage(): IommuTableDamage[] {
    const found: IommuTableDamage[] = this.compare(this.root, 'iommu-root');
    for (const table of this.contexts.values()) found.push(...this.compare(table, 'iommu-context'));
    for (const [vm, { tables }] of this.domains)
      found.push(...tables.differences().map((difference) => ({ ...pick(difference), part: 'iommu-sl' as const, vm })));
    return found;
  }

  save(): SavedIommuTables {
    return {
      root: this.root.hostFrame,
      contexts: [...this.contexts].map(([bus, { hostFrame }]) => [bus, hostFrame]),
      devices: [...this.devices],
      domains: [...this.domains].map(([vm, { id, tables }]) => [vm, id, tables.save()]),
    };
  }

  private domain(vm: string): Domain {
    let domain = this.domains.get(vm);
    if (!domain) {
      // domain 0 is kept free: some units use it for requests that hit no translation
      domain = { id: this.domains.size + 1, tables: this.createPageTables(vm) };
      this.domains.set(vm, domain);
    }
    return domain;
  }

  private createPageTables(vm: string, saved?: readonly number[]): PageTables {
    return new PageTables(this.memory, { levels: 4, tableBits: READ_WRITE }, () => this.allocateFrame('iommu-sl', vm), saved);
  }

  private createTable(part: TablePart): EntryTable {
    const hostFrame = this.allocateFrame(part);
    this.memory.writeBytes(hostPhysical(hostFrame * PAGE_SIZE), new Uint8Array(PAGE_SIZE));
    return { hostFrame, expected: new Uint8Array(PAGE_SIZE) };
  }

  private expectContext(requester: RequesterId, domain: Domain): void {
    const table = this.contexts.get(requester >> 8)!;
    setEntry(table, requester & 0xff, BigInt(domain.tables.rootAddress) | 1n, AW_48 | (BigInt(domain.id) << 8n));
  }

  private writeEntry(table: EntryTable, index: number): void {
    const bytes = table.expected.slice(index * 16, index * 16 + 16);
    this.memory.writeBytes(hostPhysical(table.hostFrame * PAGE_SIZE + index * 16), bytes);
  }

  private compare(table: EntryTable, part: TablePart): IommuTableDamage[] {
    const base = table.hostFrame * PAGE_SIZE;
    const bytes = this.memory.peek(hostPhysical(base), PAGE_SIZE);
    if (sameBytes(bytes, table.expected)) return [];
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const own = new DataView(table.expected.buffer);
    const found: IommuTableDamage[] = [];
    for (let offset = 0; offset < PAGE_SIZE; offset += 8) {
      const entry = view.getBigUint64(offset, true);
      const expected = own.getBigUint64(offset, true);
      if (entry !== expected) found.push({ part, address: base + offset, expected, found: entry });
    }
    return found;
  }
}

function setEntry(table: EntryTable, index: number, low: bigint, high: bigint): void {
  const view = new DataView(table.expected.buffer);
  view.setBigUint64(index * 16, low, true);
  view.setBigUint64(index * 16 + 8, high, true);
}

const pick = ({ address, expected, found }: TableDifference): Omit<IommuTableDamage, 'part'> => ({ address, expected, found });
