/** Assembles the guests with nasm into .cache/bench: a flat multiboot image of each, and a floppy that loads the same image. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { repository, say } from '../../build/prepare.mjs';

/** Those for a 32-bit processor, in the order in which they run. */
export const GUESTS = ['alu', 'mem', 'fib', 'ptc', 'smc'];

/** Those that the soak runs: they never end. */
export const SOAKED = ['smc', 'ptc', 'soak'];

const SECTOR = 512;
const FLOPPY = 1_474_560;
const source = import.meta.dirname;

function nasm(args) {
  const { status, error, stderr } = spawnSync('nasm', args, { cwd: source, encoding: 'utf8' });
  if (status === 0) return;
  say(error ? 'nasm is needed to build the guests: install it (Debian: apt install nasm).' : `nasm failed: ${stderr}`);
  process.exit(1);
}

/** name → { image, floppy } */
export function buildGuests(names) {
  const folder = resolve(repository, '.cache/bench');
  mkdirSync(folder, { recursive: true });
  return Object.fromEntries(
    names.map((name) => {
      const image = resolve(folder, `${name}.bin`);
      const sector = resolve(folder, `${name}.sector`);
      const floppy = resolve(folder, `${name}.img`);
      nasm(['-f', 'bin', '-o', image, `${name}.asm`]);
      nasm(['-f', 'bin', `-DNSECT=${Math.ceil(statSync(image).size / SECTOR)}`, '-o', sector, 'boot.asm']);
      writeFileSync(floppy, Buffer.concat([readFileSync(sector), readFileSync(image)]));
      truncateSync(floppy, FLOPPY);
      return [name, { image, floppy }];
    }),
  );
}

/** name → image of a guest that begins again when it is done */
export function buildEndless(names) {
  const folder = resolve(repository, '.cache/bench');
  mkdirSync(folder, { recursive: true });
  return Object.fromEntries(
    names.map((name) => {
      const image = resolve(folder, `${name}-endless.bin`);
      nasm(['-f', 'bin', '-DFOREVER', '-o', image, `${name}.asm`]);
      return [name, image];
    }),
  );
}
