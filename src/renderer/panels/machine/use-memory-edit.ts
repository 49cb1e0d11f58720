/**
 * Changing memory by hand in a hex view: which unit is being typed, and which bytes have been written since the machine last moved. A change
 * is written when the unit is left, but not by Escape; while the machine runs there is none.
 */
import { ref, shallowRef, watch, type Ref } from 'vue';
import type { MemoryRange } from '../../../lab/protocol';
import { useWords } from '../../i18n';
import { SessionLostError, useSession, wordsOf } from '../../stores/session';
import { useUi } from '../../stores/ui';
import { hostOf, littleEndianBytes, unitText, type Unit } from './hex-rows';

export interface MemoryEditView {
  space: Ref<'linear' | 'guest' | 'host'>;
  vm: Ref<string | null>;
  unit: Ref<Unit>;
  /** what is on screen */
  range: Ref<MemoryRange | null>;
  /** asks for what is on screen again */
  read(): Promise<void>;
  /** brings an address on screen */
  show(address: bigint): Promise<void>;
}

export function useMemoryEdit({ space, vm, unit, range, read, show }: MemoryEditView) {
  const session = useSession();
  const ui = useUi();
  const { say } = useWords();
  /** address of the unit that is being typed */
  const editing = ref<bigint | null>(null);
  const draft = ref('');
  /** host addresses */
  const written = shallowRef<ReadonlySet<number>>(new Set());

  const textAt = (address: bigint): string | null => (range.value ? unitText(range.value, address, unit.value) : null);

  /** False where nothing can be changed: the machine runs, or no DRAM is behind the address. */
  function begin(address: bigint): boolean {
    const text = session.paused ? textAt(address) : null;
    editing.value = text === null ? null : address;
    draft.value = text ?? '';
    return text !== null;
  }

  const cancel = (): void => void (editing.value = null);

  async function write(at: bigint, bytes: Uint8Array): Promise<void> {
    const hosts = Array.from(bytes, (_, index) => range.value && hostOf(range.value, at + BigInt(index)));
    try {
      await session.commands.writeMemory({ space: space.value, vm: vm.value, base: at, bytes });
      written.value = new Set([...written.value, ...hosts.filter((host) => host !== null)]);
    } catch (error) {
      if (!(error instanceof SessionLostError)) ui.notify({ tone: 'error', text: () => say(wordsOf(error)) });
    }
    await read();
  }

  /** Writes what was typed, if that changes anything, and ends the typing. */
  function commit(): void {
    const at = editing.value;
    editing.value = null;
    const typed = draft.value.padStart(unit.value * 2, '0');
    if (at !== null && draft.value !== '' && typed !== textAt(at)) void write(at, littleEndianBytes(typed));
  }

  /** Writes, and goes on with the unit so many bytes further, at once where that is on screen: what is typed next is for it. */
  async function move(bytes: number): Promise<void> {
    const at = editing.value;
    if (at === null) return;
    commit();
    const next = at + BigInt(bytes);
    if (next < 0n || begin(next)) return;
    // until it is there, keys are for nobody
    editing.value = next;
    await show(next);
    if (editing.value === next) begin(next);
  }

  // another moment, another place: what was typed is of a memory that is no longer there
  watch([() => session.views.status?.instructions, () => session.power], () => {
    cancel();
    written.value = new Set();
  });
  watch(
    () => session.views.status?.inputs ?? 0,
    (now, before) => {
      if (now < before) written.value = new Set();
    },
  );
  watch([space, vm, unit], cancel);

  return { editing, draft, written, begin, cancel, commit, move };
}
