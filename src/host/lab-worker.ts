/** Entry of a session's worker thread: one LabSession, served over the thread's port. */
import { parentPort } from 'node:worker_threads';
import { serveSession, type FrameChannel } from '../lab/channel';
import { LabSession } from '../lab/session/lab-session';
import { useBranchHints } from './branch-hints';
import { misbehave } from './misbehave';
import { isFrame, PING, PONG, READY } from './worker-messages';

useBranchHints();
if (!parentPort) throw new Error('lab-worker runs as a worker thread only');
const port = parentPort;

let receive: (frame: Uint8Array) => void = () => {};
const channel: FrameChannel = {
  send: (frame) => port.postMessage(frame, frame.buffer instanceof ArrayBuffer ? [frame.buffer] : []),
  onFrame: (listener) => void (receive = listener),
};
port.on('message', (message: unknown) => {
  if (message === PING) port.postMessage(PONG);
  else if (isFrame(message)) receive(message);
});

const session = new LabSession({
  nextTurn: (work) => void setImmediate(work),
  after: (ms, work) => {
    const timer = setTimeout(work, ms);
    return () => clearTimeout(timer);
  },
  now: () => performance.now(),
});
const commands = process.env['PAGEWALK_TEST'] === '1' ? Object.assign(session, { misbehave }) : session;
const server = serveSession(channel, commands, (error) => console.error(`a session frame was dropped: ${error.message}`));
session.attach(server.events);
port.postMessage(READY);
