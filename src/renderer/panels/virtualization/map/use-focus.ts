/** The one page that runs as an ink line through all levels of the map: from the address selected anywhere, or none. */
import { computed, type ComputedRef } from 'vue';
import type { MappingPiece, PlacementView } from '../../../../lab/protocol';
import { useSelection } from '../../../stores/selection';

export interface Focus {
  vm: string | null;
  guest: number | null;
  host: number | null;
}

const PHYSICAL_LIMIT = 2n ** 53n;

/** Guest-physical → host-physical through the pieces; null where nothing is mapped yet. */
export function hostOf(pieces: readonly MappingPiece[], vm: string, guest: number): number | null {
  const piece = pieces.find((candidate) => candidate.vm === vm && guest >= candidate.guest && guest < candidate.guest + candidate.bytes);
  return piece ? piece.host + (guest - piece.guest) : null;
}
/** The VM's page behind a host-physical address. */
export function guestOf(pieces: readonly MappingPiece[], host: number): { vm: string; guest: number } | null {
  const piece = pieces.find((candidate) => host >= candidate.host && host < candidate.host + candidate.bytes);
  return piece ? { vm: piece.vm, guest: piece.guest + (host - piece.host) } : null;
}

export function useFocus(view: () => PlacementView | null): ComputedRef<Focus | null> {
  const selection = useSelection();
  return computed(() => {
    const chosen = selection.address;
    const pieces = view()?.pieces ?? [];
    if (!chosen || chosen.address >= PHYSICAL_LIMIT) return null;
    const address = Number(chosen.address);
    if (chosen.space === 'guest' && chosen.vm !== null) return { vm: chosen.vm, guest: address, host: hostOf(pieces, chosen.vm, address) };
    if (chosen.space !== 'host') return null;
    const guest = guestOf(pieces, address);
    return { vm: guest?.vm ?? null, guest: guest?.guest ?? null, host: address };
  });
}
