/** Segment registers with their hidden parts, and the registers of the descriptor tables, as rows of one table. Pure. */
import type { RegistersView, SegmentView } from '../../../lab/protocol';
import type { FlagBit } from '../../components/FlagBits.vue';
import { hiddenKind, segmentDpl, segmentFlags } from './descriptor-words';

const ORDER = ['CS', 'SS', 'DS', 'ES', 'FS', 'GS', 'LDTR', 'TR'] as const;

export interface SegmentRow {
  name: string;
  /** null: a table register, which has none */
  selector: number | null;
  base: bigint;
  /** the last byte's offset */
  limit: number;
  /** null: a table register */
  kind: ReturnType<typeof hiddenKind> | null;
  /** null: a table register, or not usable */
  dpl: number | null;
  flags: FlagBit[];
  changed: { selector: boolean; base: boolean; limit: boolean };
}

/**
 * CS, SS, DS, ES, FS, GS, then LDTR, TR, GDTR, IDTR.
 * @param previous before the last step, which tells what of a register has changed: loading the selector that was there already
 *   changes the hidden part alone. Null when it is not known: then the selector is marked.
 */
export function segmentRows(view: RegistersView, previous: RegistersView | null): SegmentRow[] {
  const before = previous?.vm === view.vm ? previous : null;
  const segment = (name: SegmentView['name']): SegmentRow[] => {
    const now = view.segments.find((one) => one.name === name);
    if (!now) return [];
    const { selector, base, limit, attributes } = now;
    const kind = hiddenKind(attributes);
    const marked = view.changed.includes(name);
    const then = before?.segments.find((one) => one.name === name);
    const changed = {
      selector: marked && then?.selector !== selector,
      base: marked && then !== undefined && then.base !== base,
      limit: marked && then !== undefined && then.limit !== limit,
    };
    const dpl = kind === 'unusable' ? null : segmentDpl(attributes);
    return [{ name, selector, base, limit, kind, dpl, flags: segmentFlags(attributes), changed }];
  };
  const table = (name: 'gdtr' | 'idtr'): SegmentRow => {
    const { base, limit } = view[name];
    const marked = view.changed.includes(name.toUpperCase());
    const changed = { selector: false, base: marked && before?.[name].base !== base, limit: marked && before?.[name].limit !== limit };
    return { name: name.toUpperCase(), selector: null, base, limit, kind: null, dpl: null, flags: [], changed };
  };
  return [...ORDER.flatMap(segment), table('gdtr'), table('idtr')];
}
