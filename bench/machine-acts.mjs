/**
 * Watching a machine that runs at full speed, for bench/drag.mjs: with memory timing, four page tables and every page touched in turn; and
 * two VMs that do the same on a host whose memory is in pieces.
 */

const PROGRAM = `
org 0x7C00
%define DIRECTORY 0x20000
%define TABLES    0x21000
bits 16
        cli
        lgdt    [gdt_register]
        mov     eax, cr0
        or      al, 1
        mov     cr0, eax
        jmp     8:protected
bits 32
protected:
        mov     eax, 16
        mov     ds, eax
        mov     es, eax
        mov     ss, eax
        mov     esp, 0x7C00
        mov     edi, DIRECTORY
        mov     ecx, 1024
        xor     eax, eax
        rep     stosd
        mov     dword [DIRECTORY], TABLES | 3
        mov     dword [DIRECTORY + 4], TABLES + 0x1003
        mov     dword [DIRECTORY + 8], TABLES + 0x2003
        mov     dword [DIRECTORY + 12], TABLES + 0x3003
        mov     edi, TABLES
        mov     ecx, 4096
        mov     eax, 3
map:    stosd
        add     eax, 0x1000
        loop    map
        mov     eax, DIRECTORY
        mov     cr3, eax
        mov     eax, cr0
        or      eax, 0x80000000
        mov     cr0, eax
again:  mov     ebx, 0x100000
        mov     ecx, 3840
page:   inc     dword [ebx]
        add     ebx, 0x1000
        loop    page
        jmp     again
align 8
gdt:    dq 0, 0x00CF9A000000FFFF, 0x00CF92000000FFFF
gdt_register: dw 23
        dd gdt
`;

export const machineLab = () =>
  [
    'format: pagewalk.lab/1', 'title: A machine that runs', 'board:', '  processor: p6-virtualization', '  assignment: fixed', '  slots:',
    '    - { id: A1, base: 0x0000_0000, dimm: ddr3-256m }', '    - { id: A2, base: 0x1000_0000, dimm: ddr3-256m }',
    '  memory: { timing: true, disturbance: true }', 'machine: { program: main.asm }', 'limits: { instructions: 500_000_000_000 }',
    'files:', '  main.asm: |', ...PROGRAM.trim().split('\n').map((line) => `    ${line}`), '',
  ].join('\n'); // prettier-ignore

export const machinesLab = () =>
  [
    'format: pagewalk.lab/1', 'title: Two VMs that run', 'board:', '  processor: p6-virtualization', '  assignment: fixed', '  slots:',
    '    - { id: A1, base: 0x0000_0000, dimm: ddr3-256m }', '    - { id: A2, base: 0x1000_0000, dimm: ddr3-256m }',
    'vmm: { translation: ept, allocation: { policy: first-fit, seed: 7, preoccupied: 0.9 } }', 'vms:',
    ...['a', 'b'].map((id) => `  - { id: ${id}, memory: 16 MiB, backing: on-touch, program: main.asm }`),
    'limits: { instructions: 500_000_000_000 }', 'files:', '  main.asm: |', ...PROGRAM.trim().split('\n').map((line) => `    ${line}`), '',
  ].join('\n'); // prettier-ignore

/** Of the two VMs. */
export function machinesActs(page) {
  const rest = (milliseconds) => page.waitForTimeout(milliseconds);
  const press = async (key) => (await page.keyboard.press(key), await rest(1200));
  const watch = () => rest(3000);
  return [
    { name: 'opening Virtualization while it runs', prepare: async () => (await press('Control+6'), await press('F5')), act: async () => (await page.keyboard.press('Control+4'), await rest(2500)), restore: () => press('Shift+F5') },
    { name: 'beginning to run VMs', prepare: () => press('Control+4'), act: async () => (await page.keyboard.press('F5'), await watch()) },
    { name: 'watching the memory map', act: watch },
    { name: 'watching the owners', prepare: async () => (await page.getByRole('tab', { name: 'Owners as list', exact: true }).click(), await rest(1200)), act: watch },
    { name: 'pausing the VMs', act: () => press('Shift+F5') },
  ]; // prettier-ignore
}

/** `{ name, act }`, with what comes before and after it unmeasured. */
export function machineActs(page) {
  const rest = (milliseconds = 1200) => page.waitForTimeout(milliseconds);
  const press = async (key) => (await page.keyboard.press(key), await rest());
  const tab = async (name) => (await page.getByRole('tab', { name, exact: true }).click(), await rest());
  const watch = () => rest(3000);
  const panel = (name, title) => ({
    name: `watching ${title}`,
    prepare: async () => (await press('Control+3'), await tab(name)),
    act: watch,
  });
  return [
    { name: 'opening Machine while it runs', prepare: async () => (await press('Control+6'), await press('F5')), act: async () => (await page.keyboard.press('Control+3'), await rest(2500)), restore: () => press('Shift+F5') },
    { name: 'beginning to run', prepare: () => press('Control+3'), act: () => press('F5') },
    { name: 'watching the Journey, registers and memory', prepare: () => press('Control+3'), act: watch },
    panel('Page tables', 'the page tables'),
    panel('TLB', 'the TLB'),
    panel('Linear space', 'the linear address space'),
    panel('Events', 'events'),
    { name: 'watching the heat of the board', prepare: () => press('Control+1'), act: watch },
    { name: 'from Machine to Programs and back while it runs', prepare: () => press('Control+3'), act: async () => (await press('Control+2'), await press('Control+3'), await rest()) },
    { name: 'pausing', prepare: () => press('Control+3'), act: () => press('Shift+F5') },
    { name: 'stepping', act: async () => { for (let i = 0; i < 10; i++) await page.keyboard.press('F10'); await rest(); } },
    { name: 'opening a lab while another runs', prepare: async () => (await press('F5'), await press('Control+6')), act: async () => (await page.getByTestId('lab-four-dimms').getByRole('button').first().click(), await rest(2500)) },
  ]; // prettier-ignore
}
