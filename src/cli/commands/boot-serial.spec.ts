/** COM1 of `boot`, in both directions. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { OUTPUT_LIMIT } from '../../machine/devices/uart/uart';
import { SERIAL_SLICE } from './boot-serial';
import { boot, bootWith, COUNT, folder, inOwnFolder, json, program } from './boot.spec-support';

inOwnFolder();

describe('COM1', () => {
  it('loses nothing, however much is sent between two looks, and no byte is changed', async () => {
    const file = program('much.bin', `${COUNT}\nmov edx, 0x3F8\nmov esi, 0x100000\nmov ecx, 20000\nrep outsb\nhlt`);
    await boot('--kernel', file, '--serial', 'much.out');
    const sent = readFileSync(join(folder, 'much.out'));
    expect(sent.length).toBe(20_000);
    const image = readFileSync(join(folder, file));
    expect(sent.subarray(0, image.length).equals(image)).toBe(true);
    expect((await boot('--kernel', file, '--serial', 'stdio')).out.startsWith(image.toString('latin1'))).toBe(true);
    // an instruction sends one byte at most, and the port keeps so many
    expect(SERIAL_SLICE).toBeLessThan(OUTPUT_LIMIT - 64 * 1024);
  });

  it('gets what stands on standard input, as fast as the program takes it', async () => {
    // answers each byte with the next one; ends at q
    const polled = `${COUNT}
wait: mov edx, 0x3FD
in al, dx
test al, 1
jz wait
mov edx, 0x3F8
in al, dx
cmp al, 'q'
je end
inc al
out dx, al
jmp wait
end: hlt`;
    const file = program('polled.bin', polled);
    const input = new PassThrough();
    input.write('HAL');
    input.end('q');
    expect((await bootWith({ input: () => input }, '--kernel', file, '--serial', 'stdio')).out).toMatch(/^IBM/);
  });

  it('wakes a program that waits for it; without one that will come it has halted', async () => {
    const waits = `${COUNT.replace(/again/g, 'count')}
mov dword [0x24 * 8 + 0x3000], 0x00080000 + handler - 0x100000
mov dword [0x24 * 8 + 0x3004], 0x00108E00
mov dword [0x4008], 0xFFFF
mov dword [0x400C], 0xCF9B00
mov dword [0x4010], 0xFFFF
mov dword [0x4014], 0xCF9300
lgdt [gdtr]
lidt [idtr]
mov esp, 0x5000
%macro set 2
mov al, %2
out %1, al
%endmacro
set 0x20, 0x11
set 0x21, 0x20
set 0x21, 4
set 0x21, 1
set 0x21, 0xEF
mov edx, 0x3F9
mov al, 1
out dx, al
sti
again: hlt
jmp again
handler: mov edx, 0x3F8
in al, dx
out 0xE9, al
set 0x20, 0x20
mov al, [said]
inc byte [said]
cmp al, 2
jb more
set 0xF4, 0
more: iret
said: db 0
gdtr: dw 0x17
dd 0x4000
idtr: dw 0x7FF
dd 0x3000`;
    const file = program('waits.bin', waits);
    const input = new PassThrough();
    setTimeout(() => input.write('yes'), 20);
    const told = await bootWith({ input: () => input }, '--kernel', file, '--serial', 'stdio', '--json');
    expect(json(told.out)).toMatchObject({ stop: 'exit-port', debug: 'yes' });
    const closed = new PassThrough();
    closed.end();
    expect(json((await bootWith({ input: () => closed }, '--kernel', file, '--serial', 'stdio', '--json')).out).stop).toBe('halted');
    expect(json((await boot('--kernel', file, '--json')).out).stop).toBe('halted');
  });
});
