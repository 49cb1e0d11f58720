/**
 * COM1 of the machine that `boot` runs, as `--serial` connects it: what it sends goes to standard output (or error, beside JSON) or
 * to a file, byte for byte; with stdio, what stands on standard input is sent to it as fast as the program takes it.
 */
import { appendFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Machine } from '../../machine/machine';
import type { Surroundings } from '../streams';
import { writing } from './boot-files';

/**
 * Instructions that may pass between two looks at what was sent, so that nothing is lost: each sends at most one byte, and the port
 * keeps the newest 960 KiB at least.
 */
export const SERIAL_SLICE = 900_000;

export class SerialConnection {
  private seen = 0;
  private input: NodeJS.ReadableStream | null = null;
  private ended = true;
  private arrived: (() => void) | null = null;

  private constructor(
    private readonly machine: Machine,
    private readonly take: (bytes: Uint8Array) => void,
  ) {}

  /** Null without --serial. Throws Failure for a file that cannot be written. */
  static open(
    machine: Machine,
    { serial, json }: { serial?: string; json?: boolean },
    { cwd, out, err, input }: Surroundings,
  ): SerialConnection | null {
    if (serial === undefined) return null;
    if (serial === 'stdio') {
      const connection = new SerialConnection(machine, json ? err : out);
      if (input) connection.listen(input());
      return connection;
    }
    const path = resolve(cwd, serial);
    writing(serial, () => writeFileSync(path, ''));
    return new SerialConnection(machine, (bytes) => writing(serial, () => appendFileSync(path, bytes)));
  }

  private listen(input: NodeJS.ReadableStream): void {
    this.input = input;
    this.ended = false;
    const wake = (): void => {
      this.arrived?.();
      this.arrived = null;
    };
    input.on('data', (chunk: Buffer | string) => {
      this.machine.uart.queue(typeof chunk === 'string' ? new TextEncoder().encode(chunk) : chunk);
      wake();
    });
    for (const end of ['end', 'close', 'error'])
      input.on(end, () => {
        this.ended = true;
        wake();
      });
  }

  /** Hands on what has been sent since it was last asked. */
  flush(): void {
    const { uart } = this.machine;
    const { sent } = uart;
    if (sent === this.seen) return;
    this.take(uart.output.subarray(Math.max(0, this.seen - uart.droppedBytes)));
    this.seen = sent;
  }

  /** Could a byte from outside still wake the machine, which waits? */
  get awaited(): boolean {
    return !this.ended && this.machine.uart.listens;
  }

  /** Resolves when something has arrived, there is nothing more to come, or `signal` is aborted. */
  wait(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((done) => {
      this.arrived = done;
      signal?.addEventListener('abort', () => done(), { once: true });
    });
  }

  /** Standard input is left alone from now on. */
  close(): void {
    this.input?.removeAllListeners();
    this.input?.pause();
    (this.input as { unref?: () => void } | null)?.unref?.();
  }
}
