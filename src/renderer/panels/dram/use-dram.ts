/** What the DRAM model counts, as the window needs it: a module's share of the accesses, its hit rate, and shades of heat. */
import { computed } from 'vue';
import type { DramCounts, DramModuleView } from '../../../lab/protocol';
import { useSession, useViews } from '../../stores/session';

export const accessesOf = ({ hits, misses, conflicts }: DramCounts): number => hits + misses + conflicts;

/** Heat from 0 to 1: the square root of the share of the largest, so that what is little used still shows. */
export const heatOf = (value: number, largest: number): number => (largest > 0 ? Math.sqrt(value / largest) : 0);

/** A shade for a heat: one hue, lighter to darker, so that it needs no colour vision. */
export const shade = (heat: number): string =>
  heat === 0 ? 'var(--bg-panel)' : `color-mix(in srgb, var(--space-dram-solid) ${Math.round(12 + heat * 88)}%, var(--bg-panel))`;

/** `99.9 %`; nothing for nothing. */
export const percent = (part: number, whole: number): string => (whole === 0 ? '–' : `${((100 * part) / whole).toFixed(1)} %`);

export function useDram() {
  const session = useSession();
  const views = useViews('dram');
  const dram = computed(() => (session.poweredOn ? views.dram : null));
  const largest = computed(() => Math.max(0, ...(dram.value?.modules.map(accessesOf) ?? [])));
  const bySlot = computed(() => new Map(dram.value?.modules.map((module): [string, DramModuleView] => [module.slot, module]) ?? []));
  const heat = (slot: string): number => {
    const module = bySlot.value.get(slot);
    return module ? heatOf(accessesOf(module), largest.value) : 0;
  };
  return { dram, bySlot, heat, largest };
}
