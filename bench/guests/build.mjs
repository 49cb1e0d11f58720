/** Assembles the guests with nasm into .cache/bench: a flat multiboot image of each, and a floppy that loads the same image. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { repository, say } from '../../build/prepare.mjs';

/** The guest in C is left out where nothing compiles it. */
const compiler = spawnSync('gcc', ['--version']).status === 0 && spawnSync('ld', ['--version']).status === 0;

/** Those for a 32-bit processor, in the order in which they run. */
export const GUESTS = ['alu', 'mem', 'fib', 'ptc', 'smc', ...(compiler ? ['c'] : [])];

/** Those that the soak runs: they never end. */
export const SOAKED = ['smc', 'ptc', 'soak'];

const SECTOR = 512;
const FLOPPY = 1_474_560;
const source = import.meta.dirname;

function tool(command, args) {
  const { status, error, stderr } = spawnSync(command, args, { cwd: source, encoding: 'utf8' });
  if (status === 0) return;
  say(error ? `${command} is needed to build the guests: install it (Debian: apt install nasm gcc).` : `${command} failed: ${stderr}`);
  process.exit(1);
}
const nasm = (args) => tool('nasm', args);

/** Freestanding C behind the common start; main must not be moved before it. */
function compile(image) {
  const [start, program] = [`${image}.start.o`, `${image}.o`];
  nasm(['-f', 'elf32', '-DOBJECT', '-o', start, 'c-start.asm']);
  const plain = ['-fno-pic', '-fno-stack-protector', '-fno-builtin', '-fno-reorder-functions', '-mno-sse'];
  tool('gcc', ['-m32', '-O2', '-ffreestanding', '-nostdlib', ...plain, '-c', 'c.c', '-o', program]);
  tool('ld', ['-m', 'elf_i386', '-Ttext', '0x100000', '--oformat', 'binary', '-e', 'image', start, program, '-o', image]);
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
      if (name === 'c') compile(image);
      else nasm(['-f', 'bin', '-o', image, `${name}.asm`]);
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
