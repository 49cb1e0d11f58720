/** What passes between a session's worker and its host besides frames. Frames are byte arrays, these are texts. */

export const READY = 'ready';
export const PING = 'ping';
export const PONG = 'pong';

export const isFrame = (message: unknown): message is Uint8Array => message instanceof Uint8Array;
