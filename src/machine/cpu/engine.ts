/**
 * Which tiers of the processor execute: the interpreter always, threaded code and compiled regions as the engine and whoever
 * watches memory let them. What a program does is the same at every instruction count whatever this says.
 */
import type { MemoryAccess } from './access';
import { CompiledTier, type TierParts } from './compile/tier';
import type { Interpreter } from './interpret/interpreter';
import { ASKED_EVERY, ThreadedTier } from './threaded/tier';

/**
 * `auto`: interprets at first, goes on with threaded code, and compiles what is hot. The others leave tiers out: `interpreter`
 * has only that, `threaded` compiles nothing, `compiled` compiles nearly everything, for comparisons.
 */
export const ENGINES = ['auto', 'interpreter', 'threaded', 'compiled'] as const;
export type Engine = (typeof ENGINES)[number];

/** Executions of a block after which it is left to the next tier, as measured (docs/specification.md, Speed); undefined: there is none. */
const LEAVES_AFTER: Readonly<Record<Engine, { interpreter?: number; threaded?: number }>> = {
  auto: { interpreter: 32, threaded: 2000 },
  interpreter: {},
  threaded: { interpreter: 2 },
  compiled: { interpreter: 8 },
};

export class Tiers {
  private readonly access: MemoryAccess;
  private readonly threaded: ThreadedTier;
  /** undefined: left out */
  private readonly compiled: CompiledTier | undefined;
  /** false: threaded code is only for observed memory */
  private readonly threadsAll: boolean;

  constructor(
    engine: Exclude<Engine, 'interpreter'>,
    private readonly interpreter: Interpreter,
    parts: TierParts,
  ) {
    const { blocks } = parts;
    this.access = parts.access;
    const { interpreter: hotInterpreted, threaded: hotThreaded } = LEAVES_AFTER[engine];
    blocks.hotAfter = hotInterpreted!;
    this.threaded = new ThreadedTier(parts);
    if (engine !== 'threaded') this.compiled = new CompiledTier(parts);
    if (hotThreaded !== undefined) this.threaded.hotAfter = hotThreaded;
    this.threadsAll = blocks.threads = engine !== 'compiled';
    if (this.threadsAll && this.compiled !== undefined) this.compiled.regions.askedEvery = ASKED_EVERY;
    this.choose();
  }

  /** Is what runs hot compiled? */
  get compiles(): boolean {
    return this.compiled !== undefined;
  }

  /**
   * To be called when somebody begins or ends to watch accesses. Compiled code makes most of them where nobody sees them; threaded
   * code can be made to tell of all.
   */
  choose(): void {
    const { recordAccess, observer } = this.access;
    const observed = observer !== undefined;
    this.threaded.observed = observed;
    this.interpreter.threaded = recordAccess || !(observed || this.threadsAll) ? undefined : this.threaded;
    this.interpreter.compiled = recordAccess || observed ? undefined : this.compiled;
  }
}
