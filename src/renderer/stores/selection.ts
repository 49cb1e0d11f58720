/** What the student is looking at, shared by all panels: an address in some space, a VM, a slot, and what the pointer is over. */
import { defineStore } from 'pinia';
import { ref, shallowRef } from 'vue';
import type { Space } from '../../machine/address';
import type { AccessQuery } from '../../lab/protocol';

export interface AddressRef {
  space: Space;
  address: bigint;
  /** whose, where the space is a VM's own */
  vm: string | null;
}

export const useSelection = defineStore('selection', () => {
  const address = shallowRef<AddressRef | null>(null);
  const hover = shallowRef<AddressRef | null>(null);
  /** id of the selected VM; null on the bare machine, or while the current one is followed */
  const vm = ref<string | null>(null);
  /** id of the selected slot, device or other part of the board */
  const part = ref<string | null>(null);
  /** the access whose Journey was asked for; null follows the last access */
  const journey = shallowRef<AccessQuery | null>(null);

  const select = (chosen: AddressRef | null): void => {
    address.value = chosen;
    if (chosen?.vm) vm.value = chosen.vm;
  };
  const isSelected = (candidate: AddressRef): boolean =>
    address.value !== null &&
    address.value.space === candidate.space &&
    address.value.address === candidate.address &&
    address.value.vm === candidate.vm;

  /** Forgets everything: another lab has been opened. */
  function clear(): void {
    address.value = null;
    hover.value = null;
    vm.value = null;
    part.value = null;
    journey.value = null;
  }

  return { address, hover, vm, part, journey, select, isSelected, clear };
});
