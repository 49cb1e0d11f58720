/** What may be wrong with the timing, disturbance and error correction that a drawing asks for. */
import { text, type BoardIssue } from './issue';
import { dimmPart } from './parts';
import type { Board } from './schema';

export const IN_FLIGHT_RANGE = { least: 1, most: 64 } as const;
/** Rows that the counters of a module's target row refresh may follow in each bank. */
export const MOST_TRR = 64;

const outside = (path: string, name: string, value: number, least: number, most: number): BoardIssue => ({
  severity: 'error',
  code: 'board-memory-value',
  message: text(`"${name}" is ${value}; it goes from ${least} to ${most}.`, `“${name}” 为 ${value}；范围是 ${least} 到 ${most}。`),
  remedy: text(`Write a number from ${least} to ${most}.`, `请填写 ${least} 到 ${most} 的数。`),
  path,
});

export function memoryIssues(board: Board): BoardIssue[] {
  const issues: BoardIssue[] = [];
  const { inFlight, reach } = board.memory ?? {};
  const { least, most } = IN_FLIGHT_RANGE;
  if (inFlight !== undefined && (inFlight < least || inFlight > most))
    issues.push(outside('board.memory.inFlight', 'inFlight', inFlight, least, most));
  if (reach !== undefined && reach !== 1 && reach !== 2) issues.push(outside('board.memory.reach', 'reach', reach, 1, 2));
  for (const { id, dimm, ecc, trr, rowThreshold } of board.slots) {
    const path = `board.slots.${id}`;
    if (trr !== undefined && trr > MOST_TRR) issues.push({ ...outside(`${path}.trr`, 'trr', trr, 0, MOST_TRR), part: id });
    if (rowThreshold === 0) issues.push({ ...outside(`${path}.rowThreshold`, 'rowThreshold', 0, 1, Number.MAX_SAFE_INTEGER), part: id });
    const part = dimm === null ? undefined : dimmPart(dimm);
    if (!ecc || !part || part.technology !== 'SIMM') continue;
    issues.push({
      severity: 'error',
      code: 'board-ecc-simm',
      message: text(
        `${id}: a 30-pin SIMM has a parity bit at most; the eight check bits of ECC need 64 data bits.`,
        `${id}：30 针 SIMM 至多有一个奇偶校验位；ECC 的八个校验位需要 64 个数据位。`,
      ),
      remedy: text('Remove "ecc", or use an SDR or DDR module.', '请去掉 “ecc”，或改用 SDR 或 DDR 内存条。'),
      part: id,
      path: `${path}.ecc`,
    });
  }
  return issues;
}
