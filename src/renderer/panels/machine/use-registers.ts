/** The registers on screen, and as they were before the last step, for the panels that mark what a step has changed. */
import { computed, shallowRef, watch, type ComputedRef, type ShallowRef } from 'vue';
import type { RegistersView } from '../../../lab/protocol';
import { useSession, useViews } from '../../stores/session';
import { sameRegisters } from './register-rows';

export interface ShownRegisters {
  /** null while the power is off; nothing is marked as changed while it runs */
  view: ComputedRef<RegistersView | null>;
  previous: Readonly<ShallowRef<RegistersView | null>>;
}

/** To be called in a component's setup. */
export function useRegisters(): ShownRegisters {
  const session = useSession();
  const views = useViews('registers');
  const previous = shallowRef<RegistersView | null>(null);
  watch(
    () => views.registers,
    (now, before) => {
      if (!now || !before || !sameRegisters(now, before)) previous.value = before ?? null;
    },
  );
  const view = computed(() => {
    if (!session.poweredOn || !views.registers) return null;
    return session.running ? { ...views.registers, changed: [] } : views.registers;
  });
  return { view, previous };
}
