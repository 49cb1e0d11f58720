/**
 * Linear addresses before whose instruction somebody wants to look: the user's breakpoints, and those of the program in DR0–DR3.
 * Blocks are split there, so a change means translating anew.
 */
import type { DebugRegisters } from './debug';

export class StopAddresses {
  /** both kinds; the same set for good */
  readonly all: ReadonlySet<number>;
  private readonly both = new Set<number>();
  private wanted: ReadonlySet<number> = new Set();
  private version = 0;

  /** @param changed told when `all` has changed */
  constructor(
    private readonly debug: DebugRegisters,
    private readonly changed: () => void,
  ) {
    this.all = this.both;
  }

  /** The user's. */
  get breakpoints(): ReadonlySet<number> {
    return this.wanted;
  }
  set breakpoints(linear: ReadonlySet<number>) {
    this.wanted = linear;
    this.renew();
  }

  /** Before anything is executed: has the program changed its own? */
  refresh(): void {
    if (this.version !== this.debug.version) this.renew();
  }

  private renew(): void {
    this.version = this.debug.version;
    const now = new Set([...this.wanted, ...this.debug.codeAddresses]);
    if (now.size === this.both.size && [...now].every((address) => this.both.has(address))) return;
    this.both.clear();
    for (const address of now) this.both.add(address);
    this.changed();
  }
}
