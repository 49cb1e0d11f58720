; The reset vector's ROM, 64 KiB below 1 MiB and below 4 GiB: from power-on or a shutdown straight to the runner.
org 0
bits 16
start:
  cli
  o32 lgdt [cs:gdtr]
  mov eax,cr0
  or al,1
  mov cr0,eax
  mov ax,0x10
  mov ds,ax
  jmp dword 8:0x1000020
align 8
gdt: dq 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
gdtr: dw 23
  dd 0xf0000+gdt
times 0xfff0-($-$$) db 0xff
  jmp 0xf000:start
times 0x10000-($-$$) db 0xff
