/**
 * The system side against Bochs: two programs go through tens of thousands of cases and print what happened; what Bochs 2.7
 * printed for them is kept beside their source (oracle/, compressed). The images are kept too, so this needs no assembler.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { hostPhysical } from '../address';
import { FrameStore } from '../memory/frame-store';
import { Processor } from './processor';
import { POOL_RESERVED, SEGMENT_INDEX } from './state-layout';
import { PlainMemory } from './system.spec-support';

const folder = join(import.meta.dirname, 'oracle');
const COMPLETE_PORT = 0xf4;
const TEXT = 0x20_0000;
const STAGE_2 = 0x7e00;

/** The text that a program has collected when it says that it is complete. */
function run(image: Uint8Array): string {
  const frames = new FrameStore({ reservedBytes: POOL_RESERVED, limitBytes: 64 * 1024 * 1024 });
  const memory = new PlainMemory(frames, 16 * 1024 * 1024);
  let complete = false;
  const processor: Processor = new Processor({
    frames,
    memory,
    ports: {
      readPort: () => 0xff,
      writePort: (port) => {
        if (port !== COMPLETE_PORT) return;
        complete = true;
        processor.endSlice();
      },
      interrupts: { pending: () => false, acknowledge: () => 0 },
    },
    part: { physicalAddressBits: 36, tlb: { entries: 64, ways: 4 }, features: [] },
  });
  memory.writeBytes(hostPhysical(0x7c00), image);
  processor.state.setSegment(SEGMENT_INDEX.CS, 0, 0, 0xffff, 0x9b);
  processor.state.eip = STAGE_2;
  processor.stateReplaced();
  for (let executed = 0; !complete && executed < 50_000_000;) {
    const result = processor.run(1_000_000);
    if (result.reason !== 'budget') throw new Error(`it ended with ${result.reason}`);
    executed += result.executed;
  }
  const bytes = memory.readBytes(hostPhysical(TEXT), 0x8_0000);
  return new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0)));
}

describe.each(['descriptors', 'gates'])('%s', (name) => {
  it('ends every case as Bochs does', () => {
    const ours = run(readFileSync(join(folder, `${name}.bin`))).split('\n');
    const theirs = gunzipSync(readFileSync(join(folder, `${name}.expected.txt.gz`))).toString('latin1').split('\n'); // prettier-ignore
    const different = ours.flatMap((line, index) => (line === theirs[index] ? [] : [{ case: index, ours: line, bochs: theirs[index] }]));
    expect(different.slice(0, 10)).toEqual([]);
    expect(ours.length).toBe(theirs.length);
  }, 60_000);

  it('has the image that its source gives', (context) => {
    const scratch = mkdtempSync(join(tmpdir(), 'oracle-'));
    const output = join(scratch, 'image.bin');
    const result = spawnSync('nasm', ['-f', 'bin', '-o', output, `${name}.asm`], { cwd: folder });
    if (result.error) context.skip('nasm is not installed');
    expect(readFileSync(output).equals(readFileSync(join(folder, `${name}.bin`)))).toBe(true);
    rmSync(scratch, { recursive: true });
  });
});
