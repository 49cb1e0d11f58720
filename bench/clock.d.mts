/** Types of clock.mjs. */
export const hasProcessorTime: boolean;
export function threadClock(): number;
export function groupClock(group: number): number;
