/** A cell that the board does not have, said in both languages: a level beyond its geometry, an empty slot, another channel. */
export class NoSuchCellError extends RangeError {
  constructor(
    message: string,
    readonly zh: string,
  ) {
    super(message);
    this.name = 'NoSuchCellError';
  }
}
