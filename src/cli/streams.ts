/** Where a command writes and what it knows of its surroundings; the specs put their own in place. */

export interface Surroundings {
  /** text, or bytes as they are */
  out(written: string | Uint8Array): void;
  err(text: string): void;
  /** folder that relative paths start from */
  cwd: string;
  /** the folder with labs/ in it */
  resources: string;
  env: Readonly<Record<string, string | undefined>>;
}

/** CONTRACTS, "Command line and JSON". */
export const EXIT = { ok: 0, checkFailed: 1, badInput: 2, notExpected: 3 } as const;
