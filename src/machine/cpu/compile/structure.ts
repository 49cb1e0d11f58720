/**
 * Puts the blocks of a region, which jump wherever they like, into WebAssembly's nested blocks and loops. Blocks stay in the
 * order of their addresses; a jump backwards makes a loop of everything from its target to its source, and loops that overlap
 * grow until they nest. A loop that is also entered in its middle starts with a jump table, and so does the region.
 */
import { OP, type FunctionBody, type Label } from './encoder';

export interface Graph {
  /** blocks are numbered by address */
  readonly size: number;
  /** blocks that a block may jump to directly */
  successors(block: number): readonly number[];
  /** blocks that can be entered from outside, through the number in `selector` */
  readonly entries: ReadonlySet<number>;
}

interface Loop {
  readonly first: number;
  last: number;
  /** entered not only at its first block */
  dispatches: boolean;
}

/** What a jump can go to from where the code is being emitted. */
interface Target {
  readonly first: number;
  readonly last: number;
  readonly label: Label;
  /** the code at the label looks at `selector` */
  readonly selects: boolean;
}

interface Item {
  first: number;
  last: number;
  loop: Loop | undefined;
}

export class Structure {
  private readonly loops: ReadonlyMap<number, Loop>;
  private readonly targets: Target[] = [];

  constructor(
    private readonly graph: Graph,
    private readonly body: FunctionBody,
    /** local that holds the number of the block to enter */
    private readonly selector: number,
  ) {
    this.loops = findLoops(graph);
  }

  /** Emits the region; `emitBlock` must end each block in jumps. The selector chooses the first block. */
  emit(emitBlock: (block: number) => void): void {
    const { body, graph } = this;
    const top = body.loop();
    this.targets.push({ first: 0, last: graph.size - 1, label: top, selects: true });
    this.sequence({ first: 0, last: graph.size - 1, loop: undefined }, true, emitBlock);
    this.targets.pop();
    body.end().op(OP.unreachable);
  }

  /** A jump to a block. */
  jump(block: number): void {
    for (let at = this.targets.length - 1; at >= 0; at--) {
      const target = this.targets[at]!;
      if (block < target.first || block > target.last) continue;
      if (block !== target.first && !target.selects) continue;
      if (target.selects) this.body.i32(block).set(this.selector);
      this.body.br(target.label);
      return;
    }
    throw new Error(`block ${block} cannot be reached`);
  }

  /** A jump to the block that the selector names, which must be one of the entries. */
  jumpSelected(): void {
    this.body.br(this.targets[0]!.label);
  }

  private sequence(range: Item, dispatches: boolean, emitBlock: (block: number) => void): void {
    const { body } = this;
    const items = this.split(range);
    const labels: Label[] = [];
    for (let i = items.length - 1; i >= 0; i--) {
      const item = items[i]!;
      const label = (labels[i] = body.block());
      this.targets.push({ first: item.first, last: item.last, label, selects: item.loop?.dispatches ?? false });
    }
    if (dispatches) {
      body.get(this.selector);
      if (range.first !== 0) body.i32(range.first).op(OP.sub);
      body.brTable(items.flatMap((item, i) => new Array<Label>(item.last - item.first + 1).fill(labels[i]!)));
    }
    for (const item of items) {
      body.end();
      this.targets.pop();
      if (item.loop === undefined) {
        emitBlock(item.first);
        continue;
      }
      const label = body.loop();
      this.targets.push({ first: item.first, last: item.last, label, selects: item.loop.dispatches });
      this.sequence(item, item.loop.dispatches, emitBlock);
      this.targets.pop();
      body.end().op(OP.unreachable);
    }
  }

  /** The parts of a range: inner loops, and single blocks. */
  private split(range: Item): Item[] {
    const items: Item[] = [];
    for (let first = range.first; first <= range.last;) {
      const found = this.loops.get(first);
      const loop = found === range.loop ? undefined : found;
      const last = loop?.last ?? first;
      items.push({ first, last, loop });
      first = last + 1;
    }
    return items;
  }
}

function findLoops(graph: Graph): Map<number, Loop> {
  const loops = new Map<number, Loop>();
  for (let block = 0; block < graph.size; block++) {
    for (const to of graph.successors(block)) {
      if (to > block) continue;
      const loop = loops.get(to);
      if (loop === undefined) loops.set(to, { first: to, last: block, dispatches: false });
      else loop.last = Math.max(loop.last, block);
    }
  }
  const all = [...loops.values()];
  for (let changed = true; changed;) {
    changed = false;
    for (const outer of all) {
      for (const inner of all) {
        if (outer.first < inner.first && inner.first <= outer.last && inner.last > outer.last) {
          outer.last = inner.last;
          changed = true;
        }
      }
    }
  }
  const enters = (from: number, to: number): void => {
    for (const loop of all) {
      const within = from >= loop.first && from <= loop.last;
      if (to > loop.first && to <= loop.last && !within) loop.dispatches = true;
    }
  };
  for (let block = 0; block < graph.size; block++) for (const to of graph.successors(block)) enters(block, to);
  for (const entry of graph.entries) enters(-1, entry);
  return loops;
}
