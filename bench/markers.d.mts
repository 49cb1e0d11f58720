/** Types of markers.mjs. */
export interface Mark {
  letter: string;
  at: number;
}
export class Markers {
  constructor(now?: () => number);
  marks: Mark[];
  finished: boolean;
  push(chunk: string): void;
  phases(): { phase: string; seconds: number; checksum: string }[];
}
