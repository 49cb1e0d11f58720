/** Emulators that are programs of their own: started on a guest, watched on their debug port, ended when it is done. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { groupClock } from '../clock.mjs';
import { Markers } from '../markers.mjs';

const present = (command) => spawnSync('sh', ['-c', `command -v ${command}`]).status === 0;

function watch(command, args, options, limitSeconds) {
  return new Promise((done, failed) => {
    const markers = new Markers(options.cpu ? () => groupClock(child.pid) : undefined);
    const child = spawn(command, args, {
      stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'ignore'],
      cwd: options.cwd,
      detached: true,
    });
    const end = () => {
      clearTimeout(limit);
      try {
        process.kill(-child.pid, 'SIGKILL');
      } catch {
        // it has ended by itself
      }
    };
    const limit = setTimeout(() => {
      end();
      failed(new Error(`${command} was not done after ${limitSeconds} s`));
    }, limitSeconds * 1000);
    child.stdin?.write(options.input ?? '');
    child.stdout.setEncoding('latin1');
    child.stdout.on('data', (chunk) => {
      markers.push(chunk);
      if (!markers.finished) return;
      end();
      done(markers.phases());
    });
    child.on('error', failed);
    child.on('exit', (code) => {
      if (!markers.finished) {
        clearTimeout(limit);
        failed(new Error(`${command} ended with ${code} before the guest was done`));
      }
    });
  });
}

/** QEMU TCG, one thread; `icount` counts instructions, as our clock does. */
export const qemu = (icount) => ({
  available: () => present('qemu-system-i386'),
  run: (guest, cpu) =>
    watch(
      'qemu-system-i386',
      [
        '-accel',
        'tcg,thread=single',
        '-m',
        '256',
        '-display',
        'none',
        '-nodefaults',
        '-no-reboot',
        '-debugcon',
        'stdio',
        ...(icount ? ['-icount', 'shift=0,sleep=off'] : []),
        '-kernel',
        guest.image,
      ],
      { cpu },
      300,
    ),
});

/** Debian's Bochs (a debugger build, two or three times slower than one made for speed), from the floppy image. Needs a display: xvfb-run gives one. */
export const bochs = {
  available: () => present('bochs') && present('xvfb-run'),
  async run(guest, cpu) {
    const folder = mkdtempSync(join(tmpdir(), 'pagewalk-bochs-'));
    writeFileSync(
      join(folder, 'rc'),
      [
        'romimage: file=/usr/share/bochs/BIOS-bochs-latest',
        'vgaromimage: file=/usr/share/vgabios/vgabios.bin',
        'megs: 256',
        `floppya: 1_44=${guest.floppy}, status=inserted`,
        'boot: floppy',
        'port_e9_hack: enabled=1',
        'display_library: x',
        'cpu: model=pentium, count=1, ips=400000000',
        'clock: sync=none',
        'mouse: enabled=0',
        `log: ${join(folder, 'log')}`,
      ].join('\n'),
    );
    try {
      // the debugger in Debian's build waits for `c`
      return await watch('xvfb-run', ['-a', 'bochs', '-q', '-f', join(folder, 'rc')], { cwd: folder, input: 'c\n', cpu }, 600);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};
