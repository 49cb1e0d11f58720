/**
 * Which memory accesses of a region are likely to stay in one page from one to the next: those through the same base, such as
 * the stack's or an array's. Each such group keeps the page that it was in last in locals of the region (memory-code.ts), so
 * that most accesses need no look into the fast table. A guess only decides what is kept, never what an access does.
 */
import { PAGE_SIZE } from '../../address';
import { IR, IR_STRIDE, TEMPORARY, type IrBlock } from '../lower/ir';
import { REGISTER_INDEX, SEGMENT_INDEX } from '../state-layout';
import { NEAR_PAGES } from './locals';
import { operationsOf, type Region } from './region';

export interface NearPage {
  readonly number: number;
  /** pages kept here may be written to, because some access of the group does */
  readonly writes: boolean;
}

const LOADS = new Set<number>([IR.load8, IR.load16, IR.load32]);
const STORES = new Set<number>([IR.store8, IR.store16, IR.store32]);
const { RSP: ESP, RBP: EBP } = REGISTER_INDEX;
const STACK = 'stack';

/** An access of a block: what of its address is likely to stay near. */
interface Access {
  readonly block: IrBlock;
  readonly at: number;
  readonly group: string;
  readonly writes: boolean;
}

export interface NearPages {
  /** they are numbered from 0 */
  readonly count: number;
  /** of the access at a word of a block's operations */
  of(block: IrBlock, at: number): NearPage | undefined;
}

/** The near pages of a region: of the groups that have most accesses. */
export function findNearPages(region: Region): NearPages {
  const accesses = region.blocks.flatMap(({ ir, count }) => accessesOf(ir, count));
  const framed = region.blocks.some(({ ir }) => movesBetween(ir, ESP, EBP));
  const groups = new Map<string, Access[]>();
  for (const access of accesses) {
    const group = framed && access.group === frameGroup ? STACK : access.group;
    const list = groups.get(group);
    if (list === undefined) groups.set(group, [access]);
    else list.push(access);
  }
  const largest = [...groups.values()].sort((a, b) => b.length - a.length).slice(0, NEAR_PAGES);
  const found = new Map<IrBlock, Map<number, NearPage>>();
  largest.forEach((group, number) => {
    const near: NearPage = { number, writes: group.some(({ writes }) => writes) };
    for (const { block, at } of group) {
      if (!found.has(block)) found.set(block, new Map());
      found.get(block)!.set(at, near);
    }
  });
  return { count: largest.length, of: (block, at) => found.get(block)?.get(at) };
}

const registerGroup = (register: number, segment: number): string => `r${register} in ${segment}`;
const frameGroup = registerGroup(EBP, SEGMENT_INDEX.SS);

function accessesOf(ir: IrBlock, count: number): Access[] {
  const { ops } = ir;
  const list: Access[] = [];
  for (let instruction = 0; instruction < count; instruction++) {
    const [from, to] = operationsOf(ir, instruction);
    const names = new Map<number, string>();
    const nameOf = (slot: number): string | undefined => (slot < 0 ? '' : slot < TEMPORARY ? `r${slot}` : names.get(slot));
    for (let at = from; at < to; at += IR_STRIDE) {
      const [number, a, b, c] = ops.subarray(at, at + 4) as unknown as [number, number, number, number];
      const isLoad = LOADS.has(number);
      if (isLoad || STORES.has(number) || number === IR.probe) {
        const [segment, address] = isLoad ? [b, c] : [a, b];
        list.push({ block: ir, at, group: groupOf(ir, nameOf(address), segment, address), writes: !isLoad });
      } else if (a >= TEMPORARY) {
        const name = nameOfResult(number, nameOf(b), nameOf(c), ir.constants[-1 - c]);
        if (name !== undefined) names.set(a, name);
      }
    }
  }
  return list;
}

/** An address without what is added to it; undefined when it comes from elsewhere. */
function nameOfResult(number: number, left: string | undefined, right: string | undefined, constant?: number): string | undefined {
  if (left === undefined || right === undefined) return undefined;
  switch (number) {
    case IR.add:
      return left === '' || right === '' ? left + right : `${left}+${right}`;
    case IR.sub:
      return right === '' ? left : undefined;
    case IR.shl:
      return `${left}<<${constant ?? right}`;
    case IR.mov:
    case IR.get16:
      return left;
    default:
      return undefined;
  }
}

function groupOf({ constants }: IrBlock, name: string | undefined, segment: number, address: number): string {
  if (address < 0) return `page ${Math.floor(constants[-1 - address]! / PAGE_SIZE)}`;
  if (name === `r${ESP}`) return STACK;
  return `${name ?? 'elsewhere'} in ${segment}`;
}

/** Is one of two registers copied to the other, as frames are made and left? */
function movesBetween({ ops }: IrBlock, one: number, other: number): boolean {
  for (let at = 0; at < ops.length; at += IR_STRIDE) {
    const [number, a, b] = ops.subarray(at, at + 3) as unknown as [number, number, number];
    if (number === IR.mov && ((a === one && b === other) || (a === other && b === one))) return true;
  }
  return false;
}
