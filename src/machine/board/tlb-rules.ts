/** The rules of the TLB that a board asks for. */
import { text, type BoardIssue } from './issue';
import { processorPart, TLB_LIMITS, tlbGeometry, validTlb } from './parts';
import type { Board } from './schema';

/** A TLB that cannot be built, or that a processor without paging has no use for. */
export function tlbIssues(board: Board): BoardIssue[] {
  const part = processorPart(board.processor);
  if (board.tlb === undefined || part === undefined) return [];
  if (part.instructionSet === '8086') {
    return [
      {
        severity: 'warning',
        code: 'board-tlb-unused',
        message: text('The 8086 has no paging, and so no TLB.', '8086 没有分页，因此没有 TLB。'),
        remedy: text('Leave out tlb, or choose a processor with paging.', '请去掉 tlb，或选择支持分页的处理器。'),
        path: 'board.tlb',
      },
    ];
  }
  const geometry = tlbGeometry(part, board.tlb);
  if (validTlb(geometry)) return [];
  const { entries, ways } = geometry;
  const wanted = nearestTlb(geometry);
  return [
    {
      severity: 'error',
      code: 'board-tlb-geometry',
      message: text(
        `A TLB of ${entries} entries in ${ways} ways cannot be built: it has up to ${TLB_LIMITS.entries} entries and ${TLB_LIMITS.ways} ways, and the number of sets (entries ÷ ways) is a power of two.`,
        `无法构成 ${entries} 项、${ways} 路的 TLB：最多 ${TLB_LIMITS.entries} 项、${TLB_LIMITS.ways} 路，且组数（项数 ÷ 路数）须为 2 的幂。`,
      ),
      remedy: text(
        `Use for instance ${wanted.entries} entries in ${wanted.ways} ways.`,
        `例如可用 ${wanted.entries} 项、${wanted.ways} 路。`,
      ),
      path: 'board.tlb',
      fix: {
        text: text(`${wanted.entries} entries, ${wanted.ways} ways`, `${wanted.entries} 项、${wanted.ways} 路`),
        edits: [{ path: ['tlb'], value: wanted }],
      },
    },
  ];
}

/** The nearest TLB below that can be built. */
function nearestTlb({ entries, ways }: { entries: number; ways: number }): { entries: number; ways: number } {
  const few = Math.min(Math.max(ways, 1), TLB_LIMITS.ways);
  const sets = 2 ** Math.floor(Math.log2(Math.max(1, Math.min(entries, TLB_LIMITS.entries) / few)));
  return { entries: sets * few, ways: few };
}
