/** Small programs for specs of the processor: run until they halt, in flat protected mode or in real mode. */
import { assembleInto, flatProtected, makeBench, realMode, type Bench } from './test-bench.spec-support';

/** Runs a flat 32-bit program at 0x1000 until it halts (or `limit` instructions). */
export function run(body: string, limit = 100_000): Bench & { symbols: Record<string, number> } {
  const bench = makeBench();
  const symbols = assembleInto(bench, `bits 32\norg 0x1000\nstart:\n${body}\n`);
  flatProtected(bench, 0x1000);
  go(bench, limit);
  return { ...bench, symbols };
}

/** Lets it run until something else than an end of slice stops it, or for `limit` instructions. */
export function go(bench: Bench, limit = 100_000): string {
  for (let left = limit; ;) {
    const { reason, executed } = bench.processor.run(left);
    left -= executed;
    if (reason !== 'budget' || left <= 0) return reason;
  }
}

/** A real-mode program at 0x1000; the handler of vector n halts at 0x600 + n. */
export function realBench(body: string): Bench {
  const bench = makeBench();
  assembleInto(bench, `bits 16\norg 0x1000\n${body}\n`);
  for (let vector = 0; vector < 32; vector++) bench.load(vector * 4, [(0x600 + vector) & 0xff, 6, 0, 0]);
  bench.load(0x600, new Array<number>(32).fill(0xf4));
  realMode(bench, 0x1000);
  return bench;
}

/** Vector whose handler such a program halted in, or -1. */
export function halted(bench: Bench): number {
  const at = bench.processor.state.eip - 0x601;
  return at >= 0 && at < 32 ? at : -1;
}

export const dword = (bench: Bench, address: number): number => bench.memory.read(address as never, 4);
export const registers = ({ processor }: Bench): number[] => Array.from({ length: 8 }, (_, i) => processor.state.reg32(i));
