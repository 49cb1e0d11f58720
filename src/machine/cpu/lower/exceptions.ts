/** Exception vectors that the instruction side raises itself (SDM vol. 3, table 6-1). */
export const EXCEPTION = { DE: 0, DB: 1, BP: 3, OF: 4, BR: 5, UD: 6, NM: 7, GP: 13 } as const;
