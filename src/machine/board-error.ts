/** Thrown when a drawing cannot be powered on at all. `checkBoard` finds these, and more, with remedies. */
export class BoardError extends Error {
  constructor(
    readonly part: string,
    problem: string,
  ) {
    super(`${part}: ${problem}`);
    this.name = 'BoardError';
  }
}
