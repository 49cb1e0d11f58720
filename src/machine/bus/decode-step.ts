/** The Journey's step "who answers": the entry of the decode table that matched a host-physical address. */
import type { HostPhysicalAddress } from '../address';
import type { AddressRange } from '../board/address-map';
import type { JourneyRecorder } from '../journey/journey';
import type { DecodeTable } from './decode-table';

/** Records the step; observes nothing. Gives the entry; undefined beyond the address lines. */
export function explainDecode(table: DecodeTable, address: HostPhysicalAddress, recorder: JourneyRecorder): AddressRange | undefined {
  const entry = table.entryAt(address);
  const from = { space: 'host' as const, address: BigInt(address) };
  if (!entry) {
    const checks = [{ rule: 'address-lines', passed: false, detail: `${table.physicalAddressBits}` }];
    recorder.step({ room: 'chipset', from, structure: 'decode-entry', fields: { kind: 'beyond' }, checks, cached: false });
    return undefined;
  }
  const { index, range } = entry;
  const answered = range.kind !== 'hole' && range.kind !== 'reserved';
  recorder.step({
    room: 'chipset',
    from,
    ...(answered ? { to: from } : {}),
    structure: 'decode-entry',
    index,
    fields: {
      base: BigInt(range.base),
      end: BigInt(range.end - 1),
      kind: range.kind,
      ...(range.device === undefined ? {} : { device: range.device, region: range.region ?? '' }),
      ...(range.slots.length === 0 ? {} : { slots: range.slots.join(', ') }),
      entries: table.ranges().length,
    },
    checks: [{ rule: 'answered', passed: answered }],
    cached: false,
  });
  return range;
}
