/**
 * Assembles beside the window, so that typing never waits for it. The assembler's WebAssembly loads while this module is
 * evaluated; it is imported dynamically so that the listener is there before the first message.
 */
import type { AssemblyAnswer, AssemblyRequest } from './messages';

const assembler = import('./assemble-job');

self.onmessage = async ({ data }: MessageEvent<AssemblyRequest>) => {
  const { runJob } = await assembler;
  const start = performance.now();
  const results = data.jobs.map((job) => runJob(data.files, job));
  const answer: AssemblyAnswer = { id: data.id, results, milliseconds: performance.now() - start };
  self.postMessage(answer);
};
// a rejection (files missing, out of memory) must reach the window as an error of the worker
self.addEventListener('unhandledrejection', ({ reason }) => {
  throw reason;
});
