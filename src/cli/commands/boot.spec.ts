/** `boot` in this process: ROMs, kernels, ports, hashes, traces and every exit status. Programs are assembled by our own assembler. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { memorySize } from './boot-machine';
import { boot, bootWith, COUNT, folder, inOwnFolder, json, program } from './boot.spec-support';

inOwnFolder();

/** A ROM of so many KiB with a real-mode program at F000:0000, entered from the reset vector. */
const rom = (name: string, kib: 64 | 128, body: string): string =>
  program(
    name,
    `bits 16\norg 0\n${kib === 128 ? 'times 0x10000 db 0x90\n' : ''}section_start:\n${body}
times ${kib * 1024 - 16} - ($ - $$) db 0xF4
db 0xEA
dw ${kib === 128 ? 'start - 0x10000' : 'start'}, 0xF000
times ${kib * 1024} - ($ - $$) db 0`,
  );

const POST = (port: string): string => `start: mov dx, ${port}
mov al, 0x11
out dx, al
mov word [cs:0], 0x1234
cmp word [cs:0], 0x1234
je bad
mov al, 0x22
out dx, al
bad: mov al, 7
out 0xF4, al
hlt
`;

describe('boot --rom', () => {
  for (const kib of [64, 128] as const) {
    it(`starts ${kib} KiB at the reset vector, records the POST port, and cannot be written`, async () => {
      const file = rom(`rom${kib}.bin`, kib, POST('0x190'));
      const { status, out, err } = await boot('--rom', file, '--post-port', '0x190', '--json');
      expect(err).toBe('');
      expect(json(out)).toMatchObject({ stop: 'exit-port', post: [0x11, 0x22], exitStatus: 15 });
      expect(status).toBe(15);
    });
  }

  it('refuses other sizes, kernel options, and a port that is taken', async () => {
    writeFileSync(join(folder, 'short.bin'), new Uint8Array(100));
    expect(await boot('--rom', 'short.bin')).toMatchObject({ status: 2, err: expect.stringContaining('65536') as string });
    const file = rom('refused.bin', 64, POST('0x80'));
    expect((await boot('--rom', file, '--append', 'x')).status).toBe(2);
    expect(await boot('--rom', file, '--post-port', '0xE9')).toMatchObject({
      status: 2,
      err: expect.stringContaining('port-e9') as string,
    });
    expect((await boot('--rom', file, '--post-port', '0x10000')).status).toBe(2);
    expect((await boot('--rom', file, '--kernel', file)).status).toBe(2);
    expect((await boot()).status).toBe(2);
    expect(await boot('--rom', file, '--cpu', '387')).toMatchObject({ status: 2, err: expect.stringContaining('387') as string });
  });
});

describe('boot --kernel', () => {
  it('runs a multiboot kernel with its command line, and prints what it sends', async () => {
    const file = program(
      'append.bin',
      `${COUNT}
mov esi, [ebx + 16]
mov dx, 0x3F8
next: lodsb
test al, al
jz done
out dx, al
jmp next
done: mov eax, 3
out 0xF4, al
hlt`,
    );
    const told = await boot('--kernel', file, '--append', 'console=com1 你好', '--json');
    expect(json(told.out)).toMatchObject({ stop: 'exit-port', serial: 'console=com1 你好', exitStatus: 7 });
    expect(told.status).toBe(7);
    await boot('--kernel', file, '--append', 'to a file', '--serial', 'com1.txt');
    expect(readFileSync(join(folder, 'com1.txt'), 'utf8')).toBe('to a file');
    expect((await boot('--kernel', file, '--append', 'seen', '--serial', 'stdio')).out).toContain('seen');
  });

  it('runs flat files where they are told to lie, in the mode that fits', async () => {
    const low = program('low.bin', "bits 16\norg 0x8000\nnop\nmov al, 'R'\nout 0xE9, al\nhlt");
    expect(json((await boot('--kernel', low, '--load-address', '0x8000', '--entry', '0x8001', '--json')).out)).toMatchObject({
      stop: 'halted',
      debug: 'R',
      instructions: 3,
      exitStatus: 0,
    });
    const high = program('high.bin', "bits 32\norg 0x300000\nmov eax, 'P'\nout 0xE9, al\nhlt");
    expect(json((await boot('--kernel', high, '--load-address', '0x300000', '--json')).out).debug).toBe('P');
    expect((await boot('--kernel', high, '--load-address', '0x300000', '--memory', '2M')).status).toBe(3);
    expect((await boot('--kernel', high, '--append', 'x')).status).toBe(3);
    expect((await boot('--kernel', 'nothing.bin')).status).toBe(2);
    expect((await boot('--kernel', high, '--memory', '5')).status).toBe(2);
    expect((await boot('--kernel', high, '--memory', '64M', '--board', 'four-dimms')).status).toBe(2);
  });

  it('says where it stands at the end: registers with EIP, as text and as JSON', async () => {
    const file = program('stand.bin', 'bits 16\norg 0x8000\nmov ax, 0x1234\nmov ds, ax\nhlt');
    const options = ['--kernel', file, '--load-address', '0x8000'];
    const registers = json((await boot(...options, '--json')).out).registers;
    expect(registers).toMatchObject({ EIP: '0x8006', EAX: '0x1234', DS: '0x1234', CS: '0x0' });
    const { out } = await boot(...options);
    expect(out).toMatch(/^EAX=00001234 ECX=/m);
    expect(out).toMatch(/^EIP=00008006 EFLAGS=[0-9A-F]{8} CR0=[0-9A-F]{8} CR2=00000000 CR3=00000000 CR4=00000000$/m);
    expect(out).toMatch(/^ES=0000 CS=0000 SS=0000 DS=1234 /m);
  });

  it('ends at the limit and at a triple fault with 3, at HLT with 0, at another exit port with its status', async () => {
    const file = program('end.bin', `${COUNT}\nhlt`);
    expect(await boot('--kernel', file)).toMatchObject({ status: 0 });
    const limited = await boot('--kernel', file, '--max-instructions', '77', '--json');
    expect(json(limited.out)).toMatchObject({ stop: 'limit', instructions: 77, exitStatus: 3 });
    expect(limited.status).toBe(3);
    const crash = program('crash.bin', `${COUNT}\nud2`);
    expect(json((await boot('--kernel', crash, '--json')).out)).toMatchObject({ stop: 'triple-fault', exitStatus: 3 });
    const other = program('other.bin', `${COUNT}\nmov al, 1\nout 0xF4, al\nmov dx, 0x501\nout dx, al\nhlt`);
    expect(json((await boot('--kernel', other, '--exit-port', '0x501', '--json')).out)).toMatchObject({ stop: 'exit-port', exitStatus: 3 });
  });

  it('takes the board of a lab, a board file, and a shipped board', async () => {
    const file = program('board.bin', `${COUNT}\nmov eax, [0x8000000]\nhlt`);
    expect(await boot('--kernel', file, '--board', 'four-dimms')).toMatchObject({ status: 0 });
    expect((await boot('--kernel', file, '--board', 'four-dinms')).status).toBe(2);
    expect((await boot('--kernel', file, '--board', 'pcie-switch')).status).toBe(0);
    writeFileSync(
      join(folder, 'mine.board.yaml'),
      'format: pagewalk.board/1\nboard: { processor: p6, slots: [{ id: A1, base: 0, dimm: sdr-64m }] }',
    );
    const mine = await boot('--kernel', file, '--board', 'mine.board.yaml', '--json');
    expect(JSON.parse(mine.out)).toMatchObject({ cpu: 'p6', stop: 'halted' });
    // what the rules say of it with the processor that it gets
    const narrow = await boot('--kernel', file, '--board', 'mine.board.yaml', '--cpu', '386sx');
    expect(narrow).toMatchObject({ status: 0, err: expect.stringContaining('0x0100_0000') as string });
  });

  it('has as much memory as it is told, in two pieces where devices need the addresses, and says what cannot be reached', async () => {
    // 16 MiB and 5 GiB: a word beyond 4 GiB, through a large page
    const file = program(
      'memory.bin',
      `${COUNT}
mov dword [0x201000], 0x2083 | 1 << 13
mov dword [0x201800], 0x83
mov eax, 0x201000
mov cr3, eax
mov eax, 0x10
mov cr4, eax
mov dword [0x201000], 0x83
mov dword [0x201004], 0x2083
mov eax, cr0
or eax, 0x80000000
mov cr0, eax
mov dword [0x400000], 'high'
mov al, [0x400000]
out 0xE9, al
hlt`,
    );
    const debug = async (...argv: string[]) => json((await boot('--kernel', file, '--json', ...argv)).out).debug;
    expect(await debug('--memory', '5G')).toBe('h');
    expect(await debug('--memory', '2G')).not.toBe('h');
    expect((await boot('--kernel', file, '--memory', '64G')).err).toMatch(/cannot be reached: 36 address lines/);
    expect((await boot('--kernel', file, '--memory', '3G')).err).toBe('');
    expect((await boot('--kernel', file, '--cpu', '386sx', '--memory', '64M')).err).toMatch(/24 address lines/);
    expect((await boot('--kernel', file, '--cpu', '386sx')).err).toBe('');
    for (const size of ['65G', '0', '64MB', '']) {
      const { status, err } = await boot('--kernel', file, '--memory', size);
      expect([size, status, err.includes('64M')]).toEqual([size, 2, size !== '65G' && size !== '0']);
    }
  });

  it('says what is wrong with a file or a number', async () => {
    mkdirSync(join(folder, 'a-folder'));
    const file = program('fine.bin', `${COUNT}\nhlt`);
    for (const argv of [
      ['--kernel', 'a-folder'],
      ['--kernel', file, '--serial', 'a-folder'],
      ['--kernel', file, '--trace', 'a-folder'],
    ])
      expect(await boot(...argv)).toMatchObject({ status: 2, err: expect.stringContaining('is a folder') as string });
    for (const load of ['', ' ', '1e6', '-1', '0x1_0000_0000_0000_0000'])
      expect([load, (await boot('--kernel', file, '--load-address', load)).status]).toEqual([load, 2]);
  });
});

it('ends with a report when it is interrupted', async () => {
  const file = program('forever.bin', `${COUNT}\nmov al, 'A'\nout 0xE9, al\njmp $`);
  const stop = new AbortController();
  setTimeout(() => stop.abort(), 20);
  const told = await bootWith({ interrupts: () => stop.signal }, '--kernel', file, '--json');
  expect(json(told.out)).toMatchObject({ stop: 'paused', debug: 'A', exitStatus: 130 });
  expect(told.status).toBe(130);
});

describe('hashes and traces', () => {
  it('hash the state at exactly those instructions, the same in every run and in pieces', async () => {
    const file = program('hash.bin', `${COUNT}\nhlt`);
    const all = json((await boot('--kernel', file, '--hash-at', '0,1,500,501,2002', '--json')).out);
    expect(Object.keys(all.hashes)).toEqual(['0', '1', '500', '501', '2002']);
    expect(new Set(Object.values(all.hashes)).size).toBe(5);
    expect(all.instructions).toBe(2002);
    const beyond = await boot('--kernel', file, '--hash-at', '9999,500,0', '--json');
    expect(json(beyond.out).hashes).toEqual({ '0': all.hashes['0'], '500': all.hashes['500'] });
    expect(beyond.err).toContain('--hash-at 9999: the run ended after 2002 instructions');
    const one = json((await boot('--kernel', file, '--hash-at', '501', '--max-instructions', '501', '--json')).out);
    expect(one.hashes).toEqual({ '501': all.hashes['501'] });
    const traced = json((await boot('--kernel', file, '--hash-at', '501,2002', '--trace', 'hash.txt', '--json')).out);
    expect(traced.hashes).toEqual({ '501': all.hashes['501'], '2002': all.hashes['2002'] });
  });

  it('are the same in every tier', async () => {
    const file = program('tiers.bin', `${COUNT.replace('ecx, 1000', 'ecx, 200000')}\nhlt`);
    const hashes = [];
    for (const engine of ['auto', 'interpreter', 'threaded', 'compiled']) {
      const { out } = await boot('--kernel', file, '--engine', engine, '--hash-at', '100,123457,400002', '--json');
      hashes.push(json(out).hashes);
    }
    expect(Object.keys(hashes[0]!)).toHaveLength(3);
    expect(hashes[1]).toEqual(hashes[0]);
    expect(hashes[2]).toEqual(hashes[0]);
    expect(hashes[3]).toEqual(hashes[0]);
    expect((await boot('--kernel', file, '--engine', 'fast')).status).toBe(2);
  });

  it('trace one line an instruction, with what changed, and what was delivered between', async () => {
    const file = program(
      'trace.bin',
      `bits 16\norg 0x8000\nxor ax, ax\nmov ds, ax\nmov word [0x18], handler\nmov word [0x1A], 0\nmov bx, 0x1234\nud2\nhlt\nhandler: hlt`,
    );
    const { out } = await boot('--kernel', file, '--load-address', '0x8000', '--trace', 'trace.txt', '--json');
    const lines = readFileSync(join(folder, 'trace.txt'), 'utf8').trimEnd().split('\n');
    expect(lines).toHaveLength(json(out).instructions + 1);
    expect(lines[4]).toMatch(/^00008010 BB3412 +mov bx, 0x1234 ; EBX=00001234$/);
    expect(lines[5]).toMatch(/^-+ vector 06 fault/);
    expect(lines[6]).toMatch(/^00008016 F4 +hlt$/);
  });

  it('trace what the processor makes of bytes that others read otherwise', async () => {
    const file = program('8086.bin', 'bits 16\norg 0x8000\npush cs\ndb 0x0f\ndb 0x60, 0\ncall f\nhlt\nf: db 0xc1');
    await boot('--kernel', file, '--load-address', '0x8000', '--cpu', '8086', '--trace', '8086.txt');
    const lines = readFileSync(join(folder, '8086.txt'), 'utf8').trimEnd().split('\n');
    expect(lines.map((line) => line.slice(30).replace(/ ;.*/, ''))).toEqual([
      'push cs',
      'pop cs',
      'jo short 0x8004',
      'call 0x8008',
      'ret',
      'hlt',
    ]);
  });

  it.skipIf(!existsSync('/dev/full'))('say when there is no room for the trace', async () => {
    const file = program('full.bin', `${COUNT}\nhlt`);
    const { status, err } = await boot('--kernel', file, '--trace', '/dev/full');
    expect(status).toBe(2);
    expect(err).toMatch(/\/dev\/full.*(full|room|space)/i);
  });

  it('trace code that changes itself as it is, and code behind page tables', async () => {
    const paged = `bits 32
org 0x100000
mov dword [0x1000], 0x2003
mov edi, 0x2000
mov eax, 3
fill: stosd
add eax, 0x1000
cmp edi, 0x3000
jb fill
mov eax, 0x1000
mov cr3, eax
mov eax, cr0
or eax, 0x80000000
mov cr0, eax
mov ecx, 2
again: mov eax, 1
mov byte [again + 1], 7
loop again
hlt`;
    const file = program('changed.bin', paged);
    await boot('--kernel', file, '--load-address', '0x100000', '--trace', 'changed.txt');
    const lines = readFileSync(join(folder, 'changed.txt'), 'utf8').trimEnd().split('\n');
    expect(lines.filter((line) => / mov eax, (1|7)\b/.test(line)).map((line) => line.slice(9, 21).trim())).toEqual([
      'B801000000',
      'B807000000',
    ]);
  });
});

it('sizes', () => {
  expect([memorySize('64M'), memorySize('64 MiB'), memorySize('0x1000'), memorySize('1g'), memorySize('much')]).toEqual([
    64 * 1024 ** 2,
    64 * 1024 ** 2,
    4096,
    1024 ** 3,
    undefined,
  ]);
});
