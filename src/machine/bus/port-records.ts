/**
 * Accesses to ports as the transaction log keeps them: programs that print or poll make millions, so each is a row of numbers, and
 * becomes an entry only when somebody reads it.
 */
import type { TransactionContext, TransactionEntry } from './transaction-log';

/** Bits of a row's `what`: the size, whether it is a write, and whether it has a linear address. */
const SIZE = 7;
const WRITE = 8;
const HAS_LINEAR = 16;
/** Number of no name. */
const NOBODY = 0;

export class PortRecords {
  /** of each row the instruction count and the tick */
  private readonly times: Float64Array;
  /** its value and the linear address of the instruction */
  private readonly words: Uint32Array;
  /** its port, bits (above), and who answered, who made it, and which VM had its turn: indexes in `names` */
  private readonly halves: Uint16Array;
  private readonly names: string[] = [''];
  private readonly latest = new Uint16Array(3);
  private readonly numbers = new Map<string, number>();

  constructor(rows: number) {
    this.times = new Float64Array(rows * 2);
    this.words = new Uint32Array(rows * 2);
    this.halves = new Uint16Array(rows * 5);
  }

  /** @param device who answered; undefined: nobody */
  put(
    row: number,
    port: number,
    size: number,
    value: number,
    write: boolean,
    device: string | undefined,
    context: TransactionContext,
  ): void {
    const { times, words, halves } = this;
    const { linear } = context;
    times[row * 2] = context.at;
    times[row * 2 + 1] = context.tick;
    words[row * 2] = value;
    words[row * 2 + 1] = linear ?? 0;
    halves[row * 5] = port;
    halves[row * 5 + 1] = size | (write ? WRITE : 0) | (linear === undefined ? 0 : HAS_LINEAR);
    halves[row * 5 + 2] = this.numberOf(device, 0);
    halves[row * 5 + 3] = this.numberOf(context.who, 1);
    halves[row * 5 + 4] = this.numberOf(context.vm, 2);
  }

  /** The entry of a row. */
  entry(row: number, sequence: number): TransactionEntry {
    const { times, words, halves, names } = this;
    const [port, what, device, who, vm] = halves.subarray(row * 5, row * 5 + 5) as unknown as [number, number, number, number, number];
    const code = what & WRITE ? 'port-write' : 'port-read';
    return {
      sequence,
      at: times[row * 2]!,
      tick: times[row * 2 + 1]!,
      who: names[who]!,
      ...(vm === NOBODY ? {} : { vm: names[vm]! }),
      ...(what & HAS_LINEAR ? { linear: words[row * 2 + 1]! } : {}),
      kind: device === NOBODY ? 'unanswered' : code,
      code,
      size: what & SIZE,
      value: words[row * 2]!,
      ...(device === NOBODY ? { outcome: 'nobody' } : { answeredBy: names[device]!, outcome: 'ok' }),
      data: { port },
    };
  }

  /** @param at where the same name was put last; mostly it is that again */
  private numberOf(name: string | undefined, at: number): number {
    if (name === undefined) return NOBODY;
    const latest = this.latest[at]!;
    if (name === this.names[latest]) return latest;
    let number = this.numbers.get(name);
    if (number === undefined) this.numbers.set(name, (number = this.names.push(name) - 1));
    return (this.latest[at] = number);
  }
}
