/** Where a command writes and what it knows of its surroundings; the specs put their own in place. */

export interface Surroundings {
  /** text, or bytes as they are */
  out(written: string | Uint8Array): void;
  err(written: string | Uint8Array): void;
  /** standard input, for a command that reads it; none where there is none */
  input?: () => NodeJS.ReadableStream;
  /** aborted by Ctrl-C from now on, which otherwise ends the process; for a command that has something to say then */
  interrupts?: () => AbortSignal;
  /** folder that relative paths start from */
  cwd: string;
  /** the folder with labs/ in it */
  resources: string;
  env: Readonly<Record<string, string | undefined>>;
}

/** CONTRACTS, "Command line and JSON"; a run that Ctrl-C ended has the status that shells give it. */
export const EXIT = { ok: 0, checkFailed: 1, badInput: 2, notExpected: 3, interrupted: 130 } as const;
