/** Words for the time before the messages are loaded: the shell around the window could not be reached. */
import type { Language } from '../../lab/protocol';

export class BridgeError extends Error {
  constructor(readonly words: Record<Language, string>) {
    super(words.en);
    this.name = 'BridgeError';
  }
}
