/** The worker's keeper: one request at a time, the newest waiting one replaces the others, a worker that hangs is replaced. */
import type { AssemblyAnswer, AssemblyRequest } from './messages';

const HANG_MS = 10_000;
type Job = Omit<AssemblyRequest, 'id'>;

export interface WorkerLike {
  postMessage(message: unknown): void;
  terminate(): void;
  onmessage: ((event: MessageEvent<AssemblyAnswer>) => void) | null;
  onerror: ((event: ErrorEvent) => void) | null;
}

export class AssemblerClient {
  private worker: WorkerLike | null = null;
  private running: { id: number; timer: ReturnType<typeof setTimeout> } | null = null;
  private waiting: Job | null = null;
  private nextId = 1;

  constructor(
    private readonly start: () => WorkerLike,
    private readonly onAnswer: (answer: AssemblyAnswer) => void,
    /** the worker died or took longer than 10 s */
    private readonly onFailure: () => void,
  ) {}

  request(job: Job): void {
    this.waiting = job;
    if (!this.running) this.next();
  }

  stop(): void {
    this.waiting = null;
    if (this.running) clearTimeout(this.running.timer);
    this.running = null;
    this.worker?.terminate();
    this.worker = null;
  }

  private next(): void {
    const job = this.waiting;
    this.waiting = null;
    if (!job) return;
    this.worker ??= this.open();
    const id = this.nextId++;
    this.running = { id, timer: setTimeout(() => this.fail(), HANG_MS) };
    this.worker.postMessage({ id, ...job });
  }

  private open(): WorkerLike {
    const worker = this.start();
    worker.onmessage = ({ data }) => {
      if (data.id !== this.running?.id) return;
      clearTimeout(this.running.timer);
      this.running = null;
      this.onAnswer(data);
      this.next();
    };
    worker.onerror = () => this.fail();
    return worker;
  }

  private fail(): void {
    if (this.running) clearTimeout(this.running.timer);
    this.running = null;
    this.worker?.terminate();
    this.worker = null;
    this.onFailure();
    this.next();
  }
}
