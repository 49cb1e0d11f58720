/** v86 from npm, on this Node, in a process of its own. Arguments: image, and `cpu` for processor time. Prints one JSON line: the phases. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { V86 } from 'v86/build/libv86.mjs';
import { threadClock } from '../clock.mjs';
import { Markers } from '../markers.mjs';

const build = dirname(createRequire(import.meta.url).resolve('v86/build/libv86.mjs'));
const image = readFileSync(process.argv[2]);
const markers = new Markers(process.argv[3] === 'cpu' ? threadClock : undefined);
const emulator = new V86({
  wasm_path: join(build, 'v86.wasm'),
  memory_size: 256 * 1024 * 1024,
  multiboot: { buffer: image.buffer.slice(image.byteOffset, image.byteOffset + image.byteLength) },
  autostart: true,
  disable_speaker: true,
});
emulator.add_listener('serial0-output-byte', (byte) => {
  markers.push(String.fromCharCode(byte));
  if (!markers.finished) return;
  process.stdout.write(JSON.stringify(markers.phases()) + '\n', () => process.exit(0));
});
