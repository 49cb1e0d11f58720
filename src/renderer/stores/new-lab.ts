/** The lab that "New" makes: the default board, and a program small enough to be understood at a glance. */
import type { LabFiles } from '../../lab/protocol';

export const NEW_LAB_YAML = `format: pagewalk.lab/1
title: { en: Untitled lab, zh-CN: 未命名实验 }
board:
  processor: p6-virtualization
  assignment: fixed
  slots:
    - { id: A1, base: 0x00000000, dimm: ddr3-256m }
    - { id: A2, base: 0x10000000, dimm: ddr3-256m }
    - { id: B1, base: 0x20000000, dimm: ddr3-256m }
    - { id: B2, base: 0x30000000, dimm: ddr3-256m }
machine:
  program: { file: main.asm, mode: protected, load: 0x10_0000 }
`;

export const NEW_LAB_FILES: LabFiles = {
  'main.asm': `; main.asm: runs on the bare machine, loaded at 1 MiB
bits 32
org 0x100000

start:
    mov   dword [0x20000000], 0x12345678   ; the first cell of slot B1
    mov   eax, [0x20000000]
    hlt
`,
};
