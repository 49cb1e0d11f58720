; What descriptors.asm and gates.asm begin with: into flat protected mode with a TSS, handlers of all 32 exceptions, and what is
; printed first of one: its vector, error code and, of a page fault, CR2. The file that includes this goes on at `.a` with the rest.
; The text is collected in memory at 0x200000; a write to port 0xF4 says that it is complete, then it goes to port 0xE9.
; Runs from a floppy disk on other emulators, and from `stage2` (0x7E00, real mode) where there is no BIOS.
; away from the code, so that writing it is no self-modification
output equ 0x1f0000
%macro put 0
  push edi
  mov edi,[output]
  mov [edi],al
  inc dword [output]
  pop edi
%endmacro
org 0x7c00
bits 16
boot:
  cli
  xor ax,ax
  mov ds,ax
  mov es,ax
  mov ss,ax
  mov sp,0x7000
  mov bx,0x7e00
  mov ah,2
  mov al,12
  mov cx,2
  mov dh,0
  int 0x13
  in al,0x92
  or al,2
  and al,0xfe
  out 0x92,al
  jmp 0:0x7e00
times 510-($-$$) db 0
dw 0xaa55
stage2:
  cli
  xor ax,ax
  mov ds,ax
  lgdt [gdtr]
  mov eax,cr0
  or al,1
  mov cr0,eax
  jmp 8:pm
align 8
gdt: dq 0
 dq 0x00cf9a000000ffff
 dq 0x00cf92000000ffff
 dq 0x00cffa000000ffff
 dq 0x00cff2000000ffff
tssd: dw 0x67, tss, 0x8900, 0
 dq 0
 dq 0
spare: dq 0
 dq 0
gdtr: dw $-gdt-1
 dd gdt
idtr: dw 0x7ff
 dd 0x20000
align 4
tss: times 26 dd 0
bits 32
pm:
  mov ax,0x10
  mov ds,ax
  mov es,ax
  mov fs,ax
  mov gs,ax
  mov ss,ax
  mov esp,0x50000
  mov dword [output],0x200000
  mov dword [tss+4],0x60000
  mov dword [tss+8],0x10
  mov dword [tss+0x64],0x680000
  ; idt
  xor ecx,ecx
.i: mov eax,ecx
  imul eax,8
  mov ebx,ecx
  imul ebx,hsize
  add ebx,handlers
  mov edx,ebx
  and edx,0xffff
  or edx,0x80000
  mov [0x20000+eax],edx
  mov edx,ebx
  and edx,0xffff0000
  or edx,0x8e00
  mov [0x20004+eax],edx
  inc ecx
  cmp ecx,32
  jb .i
  mov dword [0x20000+0x30*8],0x80000 | (okay-$$+0x7c00)
  mov dword [0x20004+0x30*8],0xee00
  lidt [idtr]
  mov dword [phase],0
  mov dword [index],0
  mov eax,0
  jmp next
phase: dd 0
index: dd 0
handlers:
%assign v 0
%rep 32
h%+v:
%if v=8 || (v>=10 && v<=14) || v=17
  nop
  nop
%else
  push byte 0
%endif
  push byte v
  jmp near shared
hsize equ $-h%+v
%assign v v+1
%endrep
shared:
  mov ax,0x10
  mov ds,ax
  mov al,'#'
  put
  pop eax
  push eax
  call hex8
  mov al,':'
  put
  mov eax,[esp+4]
  call hex16
  cmp dword [esp],14
  jne .a
  mov al,'@'
  put
  mov eax,cr2
  call hex32
