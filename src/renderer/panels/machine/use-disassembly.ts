/**
 * Lines of disassembly around the next instruction: kept while it moves within them, with some before it where the program's source
 * says where they begin. While the machine runs they follow it a few times a second.
 */
import { useThrottleFn } from '@vueuse/core';
import { computed, onScopeDispose, ref, shallowRef, watch } from 'vue';
import type { DisassemblyLine } from '../../../lab/protocol';
import { useWords } from '../../i18n';
import { SessionLostError, useSession, useViews, wordsOf } from '../../stores/session';

const LINES = 40;
/** lines in front of the next instruction */
const BEFORE = 6;
/** While running, other lines are asked for this often. */
const REFRESH_MS = 250;
/** D/B of a code segment: the same bytes are other instructions in 16- and in 32-bit code */
const BIG = 1 << 14;

export function useDisassembly() {
  const session = useSession();
  const { say } = useWords();
  const views = useViews('registers');
  const lines = shallowRef<readonly DisassemblyLine[]>([]);
  const thrown = shallowRef<unknown>(null);
  /** in the language of the window */
  const failure = computed(() => (thrown.value === null ? null : say(wordsOf(thrown.value))));
  /** whose code the lines are */
  const owner = ref<string | null>(null);
  let size = 0;
  /** what had come from outside when they were asked for: memory may have been changed by hand since */
  let inputs = 0;
  let request = 0;
  let ended = false;
  onScopeDispose(() => (ended = true));

  const codeSize = (): number => (views.registers?.segments.find(({ name }) => name === 'CS')?.attributes ?? 0) & BIG;
  async function show(vm: string | null, linear: bigint): Promise<void> {
    const own = ++request;
    const asked = session.views.status?.inputs ?? 0;
    try {
      const found = await session.commands.disassemble({ vm, linear, count: LINES, before: BEFORE });
      if (own !== request || ended) return;
      lines.value = found;
      owner.value = vm;
      size = codeSize();
      inputs = asked;
      thrown.value = null;
    } catch (error) {
      if (own !== request || ended || error instanceof SessionLostError) return;
      thrown.value = error;
    }
  }

  function follow(): void {
    const registers = views.registers;
    const next = registers?.next;
    if (!registers || !next || !session.poweredOn) return;
    const at = lines.value.findIndex((line) => line.linear === next.linear);
    const unchanged =
      at >= 0 &&
      at < lines.value.length - 4 &&
      owner.value === registers.vm &&
      size === codeSize() &&
      inputs === (session.views.status?.inputs ?? 0) &&
      sameBytes(lines.value[at]!.bytes, next.bytes);
    if (!unchanged) void show(registers.vm, next.linear);
  }
  const followSoon = useThrottleFn(follow, REFRESH_MS, true, true);
  watch(
    [() => views.registers, () => session.power, () => session.views.status?.inputs],
    () => (session.running ? void followSoon() : follow()),
    { immediate: true },
  );
  return { lines, owner, failure };
}

const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((byte, i) => byte === b[i]);
