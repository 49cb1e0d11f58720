/** Assembles beside the window, so that typing never waits for it. */
import { runJob } from './assemble-job';
import type { AssemblyAnswer, AssemblyRequest } from './messages';

self.onmessage = ({ data }: MessageEvent<AssemblyRequest>) => {
  const start = performance.now();
  const results = data.jobs.map((job) => runJob(data.files, job));
  const answer: AssemblyAnswer = { id: data.id, results, milliseconds: performance.now() - start };
  self.postMessage(answer);
};
