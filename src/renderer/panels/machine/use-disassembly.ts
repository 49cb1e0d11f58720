/** Lines of disassembly around the next instruction: kept while it moves within them, with some before it wherever the bytes allow. */
import { onScopeDispose, ref, shallowRef, watch } from 'vue';
import type { DisassemblyLine } from '../../../lab/protocol';
import { SessionLostError, useSession, useViews } from '../../stores/session';

const LINES = 40;
/** Bytes before the next instruction to begin at. Instructions have no marks, so a start is tried until the lines meet it. */
const LEADS = [28, 24, 20, 17, 14, 11, 8, 5] as const;
/** the first lines of a guess may be out of step with the program */
const UNSURE = 2;

export function useDisassembly() {
  const session = useSession();
  const views = useViews('registers');
  const lines = shallowRef<readonly DisassemblyLine[]>([]);
  const failure = ref<string | null>(null);
  let owner: string | null = null;
  let request = 0;
  let ended = false;
  onScopeDispose(() => (ended = true));

  async function fetch(vm: string | null, linear: bigint): Promise<readonly DisassemblyLine[]> {
    for (const lead of LEADS) {
      if (linear < BigInt(lead)) continue;
      const guess = await session.commands.disassemble({ vm, linear: linear - BigInt(lead), count: LINES });
      const at = guess.findIndex((line) => line.linear === linear);
      if (at > UNSURE) return ownLines(guess.slice(UNSURE), linear);
    }
    return session.commands.disassemble({ vm, linear, count: LINES });
  }
  async function show(vm: string | null, linear: bigint): Promise<void> {
    const own = ++request;
    try {
      const found = await fetch(vm, linear);
      if (own !== request || ended) return;
      lines.value = found;
      owner = vm;
      failure.value = null;
    } catch (error) {
      if (own !== request || ended || error instanceof SessionLostError) return;
      failure.value = error instanceof Error ? error.message : String(error);
    }
  }

  watch(
    [() => views.registers, () => session.paused],
    ([registers, paused]) => {
      const next = registers?.next;
      if (!registers || !next || !paused) return;
      const at = lines.value.findIndex((line) => line.linear === next.linear);
      const unchanged = at >= 0 && at < lines.value.length - 4 && owner === registers.vm && sameBytes(lines.value[at]!.bytes, next.bytes);
      if (!unchanged) void show(registers.vm, next.linear);
    },
    { immediate: true },
  );
  return { lines, failure };
}

/** Before the next instruction only what belongs to the same program, when that is known: there is no code before its first line. */
function ownLines(lines: readonly DisassemblyLine[], linear: bigint): readonly DisassemblyLine[] {
  const at = lines.findIndex((line) => line.linear === linear);
  const file = lines[at]?.file;
  if (file === undefined) return lines;
  const stranger = lines.slice(0, at).findLastIndex((line) => line.file !== file);
  return lines.slice(stranger + 1);
}

const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((byte, i) => byte === b[i]);
