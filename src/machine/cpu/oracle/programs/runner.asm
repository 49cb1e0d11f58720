; Runs the random programs of one image, on any emulator: sets up what a case asks for, enters it, catches whatever it raises, and
; writes a record of the outcome to port 0xE9. The layout of cases and records is in layout.ts; keep the two together.
; A ROM (rom.asm) enters at `start` in flat protected mode, at power-on and after a shutdown, which is an outcome like others.
MAGIC equ 0x52575035
PROGRESS equ 0xf04000        ; survives a reset: MAGIC, number of the case, address of the next one; no case's pages lead there
LOW equ 0x1000               ; the real-mode part is copied here
SAVED equ 0x3000             ; what it saves, in a frame without code
DATA equ 0x20000             ; two frames
DATA_DWORDS equ 0x800
DIRECTORY equ 0xf00000
LOW_TABLE equ 0xf01000       ; linear 0-4 MiB
WINDOW_TABLE equ 0xf02000    ; linear 4-8 MiB; the first eight entries are the case's
RUNNER_TABLE equ 0xf03000    ; linear 16-20 MiB
WINDOW_ENTRIES equ 8
CODE32 equ 0x08
DATA32 equ 0x10
MAIN_TSS equ 0x18
FAULT_TSS equ 0x20
CODE16 equ 0x80
DATA16 equ 0x88
LDT equ 0x90
; bytes that the calls of what came later take
DIGEST_ROOM equ 37
RECORD_ROOM equ 17

; fields of a case
struc case
.size: resd 1
.kind: resd 1                ; 0 real mode, 1 protected with the case's own stack, 2 to an outer ring, 3 virtual 8086
.cr0: resd 1
.cr4: resd 1
.eip: resd 1
.cs: resd 1
.eflags: resd 1
.esp: resd 1
.ss: resd 1
.ds: resd 1
.es: resd 1
.fs: resd 1
.gs: resd 1
.eax: resd 1
.ecx: resd 1
.edx: resd 1
.ebx: resd 1
.ebp: resd 1
.esi: resd 1
.edi: resd 1
.pool: resd 1                ; where in the pool the contents of memory begin
.window: resd 1              ; 256 bytes there become INT3 before the code is copied
.code: resd 1                ; physical address of the code
.length: resd 1              ; of the code, which follows the case
.entries: resd 8             ; of the page table for linear 4 MiB
.directory: resd 2           ; directory entries for linear 4 and 8 MiB
.descriptors: resd 22        ; selectors 0x28 to 0x78
.ldt: resd 1
.dr: resd 5                  ; DR0 to DR3, DR7
.stacks: resd 6              ; ESP0 SS0 ESP1 SS1 ESP2 SS2 of the task; ESP0 of zero: the runner's own
.gates: resd 8               ; of vectors 0x38 to 0x3b
.patches: resd 1             ; how many follow the code: address, length, bytes
.tasks: resd 1               ; 1: #TS, #NP, #SS and #GP have tasks of their own
endstruc

org 0x1000000
bits 32
header: dd MAGIC
first: dd 0                  ; number of the first case to run
count: dd 0                  ; cases in the image
cases: dd 0                  ; address of the first
pool: dd 0
dump: dd 0xffffffff          ; number of the case whose memory is to be printed too
records: dd 0                ; where the records are put, one behind another; 0: they are written to port 0xE9
times 0x20-($-$$) db 0
start:
  lgdt [gdtr]
  jmp CODE32:.here
.here:
  mov ax,DATA32
  mov ds,ax
  mov es,ax
  mov ss,ax
  mov esp,stack
  cld
  ; no interrupts: a case may set IF
  mov al,0xff
  out 0x21,al
  out 0xa1,al
  cmp dword [PROGRESS],MAGIC
  jne .cold
  mov edi,record
  mov ecx,RECORD_DWORDS
  xor eax,eax
  rep stosd
  mov dword [r_vector],0xff
  jmp outcome
.cold:
  call make_tables
  ; where code comes out that runs past the end of its real-mode segment
  mov edi,0x15000
  mov eax,0xcccccccc
  mov ecx,0x400
  rep stosd
  mov dword [PROGRESS+4],0
  mov eax,[cases]
  mov [PROGRESS+8],eax
.skip:
  mov eax,[PROGRESS+4]
  cmp eax,[first]
  jae .skipped
  mov eax,[PROGRESS+8]
  mov eax,[eax]
  add [PROGRESS+8],eax
  inc dword [PROGRESS+4]
  jmp .skip
.skipped:
  mov dword [PROGRESS],MAGIC
  jmp run_case

make_tables:
  xor eax,eax
  mov edi,DIRECTORY
  mov ecx,0x1000
  rep stosd
  mov dword [DIRECTORY],LOW_TABLE+7
  mov dword [DIRECTORY+16],RUNNER_TABLE+3
  mov eax,7
  mov edi,LOW_TABLE
  mov ecx,0x400
.low: stosd
  add eax,0x1000
  loop .low
  mov eax,0x1000003
  mov edi,RUNNER_TABLE
  mov ecx,0x400
.runner: stosd
  add eax,0x1000
  loop .runner
  ; gates: exceptions and the software interrupts of cases; #DF has a task of its own
  xor ecx,ecx
.gate:
  mov eax,ecx
  imul eax,STUB
  add eax,stubs
  mov edx,eax
  and eax,0xffff
  or eax,CODE32<<16
  xor dx,dx
  mov dh,[access+ecx]
  mov [idt+ecx*8],eax
  mov [idt+ecx*8+4],edx
  inc ecx
  cmp ecx,GATES
  jb .gate
  mov dword [idt+8*8],FAULT_TSS<<16
  mov dword [idt+8*8+4],0x8500
  mov esi,idt+10*8
  mov edi,plain_gates
  mov ecx,8
  rep movsd
  ret

run_case:
  mov eax,[PROGRESS+4]
  cmp eax,[count]
  jae finished
  mov ebx,[PROGRESS+8]
  mov eax,[ebx]
  add [PROGRESS+8],eax
  ; memory
  mov esi,[pool]
  add esi,[ebx+case.pool]
  mov edi,DATA
  mov ecx,DATA_DWORDS/4
  ; REP MOVSD would be an instruction for each of them
.fill:
  mov eax,[esi]
  mov edx,[esi+4]
  mov [edi],eax
  mov [edi+4],edx
  mov eax,[esi+8]
  mov edx,[esi+12]
  mov [edi+8],eax
  mov [edi+12],edx
  add esi,16
  add edi,16
  dec ecx
  jnz .fill
  mov edi,[ebx+case.window]
  mov eax,0xcccccccc
  mov ecx,64
  rep stosd
  lea esi,[ebx+case_size]
  mov edi,[ebx+case.code]
  mov ecx,[ebx+case.length]
  rep movsb
  mov edx,[ebx+case.patches]
.patch:
  dec edx
  js .patched
  lodsd
  mov edi,eax
  lodsd
  mov ecx,eax
  rep movsb
  jmp .patch
.patched:
  lea esi,[ebx+case.gates]
  mov edi,idt+0x38*8
  mov ecx,8
  rep movsd
  mov esi,plain_gates
  mov word [gdtr],GDT_LIMIT
  cmp dword [ebx+case.tasks],0
  je .gated
  mov esi,task_gates
  mov word [gdtr],GDT_LIMIT_TASKS
.gated:
  lgdt [gdtr]
  mov edi,idt+10*8
  mov ecx,8
  rep movsd
  mov esi,fault_tasks
  mov edi,gdt+GDT_LIMIT+1
  mov ecx,8
  rep movsd
  ; four tasks that differ in EIP alone
  mov edx,task_faults
  mov edi,task_tss
.task:
  push edi
  mov ecx,25
  xor eax,eax
  rep stosd
  pop edi
  mov dword [edi+28],DIRECTORY
  mov [edi+32],edx
  mov dword [edi+36],2
  mov dword [edi+56],stack2
  mov eax,DATA32
  mov [edi+72],eax
  mov dword [edi+76],CODE32
  mov [edi+80],eax
  mov [edi+84],eax
  add edi,0x68
  add edx,TASK_FAULT
  cmp edi,task_tss+4*0x68
  jb .task
  lea esi,[ebx+case.entries]
  mov edi,WINDOW_TABLE
  mov ecx,WINDOW_ENTRIES
  rep movsd
  mov edi,DIRECTORY+4
  movsd
  movsd
  mov edi,gdt+0x28
  mov ecx,22
  rep movsd
  ; the runner's own tasks
  mov byte [gdt+MAIN_TSS+5],0x89
  mov byte [gdt+FAULT_TSS+5],0x89
  mov dword [fault_tss+28],DIRECTORY
  mov dword [fault_tss+32],double_fault
  mov dword [fault_tss+36],2
  mov dword [fault_tss+56],stack2
  mov dword [fault_tss+72],DATA32
  mov dword [fault_tss+76],CODE32
  mov dword [fault_tss+80],DATA32
  mov dword [fault_tss+84],DATA32
  mov dword [fault_tss+88],0
  mov dword [fault_tss+92],0
  mov dword [fault_tss+96],0
  mov eax,DIRECTORY
  mov cr3,eax
  ; what an earlier case's task switch left in it is not the case's
  mov edi,main_tss
  mov ecx,25
  xor eax,eax
  rep stosd
  mov dword [main_tss+28],DIRECTORY
  lea esi,[ebx+case.stacks]
  mov edi,main_tss+4
  mov ecx,6
  rep movsd
  cmp dword [main_tss+4],0
  jne .stacks
  mov dword [main_tss+4],stack
  mov dword [main_tss+8],DATA32
.stacks:
  mov ax,MAIN_TSS
  ltr ax
  lidt [idtr]
  xor eax,eax
  mov cr2,eax
  mov dr6,eax
  mov eax,[ebx+case.dr]
  mov dr0,eax
  mov eax,[ebx+case.dr+4]
  mov dr1,eax
  mov eax,[ebx+case.dr+8]
  mov dr2,eax
  mov eax,[ebx+case.dr+12]
  mov dr3,eax
  cmp dword [ebx+case.kind],0
  je enter_real
  mov eax,[ebx+case.cr4]
  mov cr4,eax
  lldt [ebx+case.ldt]
  mov eax,[ebx+case.dr+16]
  mov dr7,eax
  mov eax,[ebx+case.cr0]
  mov cr0,eax
  jmp .paged
.paged:
  ; the case is copied, because EBX is one of its registers
  lea esi,[ebx+case.eip]
  mov edi,entry
  mov ecx,16
  rep movsd
  mov eax,[ebx+case.kind]
  mov [entry_kind],eax
  cmp eax,1
  jne .outer
  lss esp,[entry_esp]
  jmp .flags
.outer:
  cmp eax,3
  jne .ring
  push dword [entry_gs]
  push dword [entry_fs]
  push dword [entry_ds]
  push dword [entry_es]
.ring:
  push dword [entry_ss]
  push dword [entry_esp]
.flags:
  push dword [entry_eflags]
  push dword [entry_cs]
  push dword [entry_eip]
  cmp dword [entry_kind],3
  je .general
  mov gs,[entry_gs]
  mov fs,[entry_fs]
  mov es,[entry_es]
  mov ds,[cs:entry_ds]
.general:
  mov eax,[cs:entry_eax]
  mov ecx,[cs:entry_ecx]
  mov edx,[cs:entry_edx]
  mov ebx,[cs:entry_ebx]
  mov ebp,[cs:entry_ebp]
  mov esi,[cs:entry_esi]
  mov edi,[cs:entry_edi]
  iretd

enter_real:
  ; the vectors and the real-mode part, whatever the last case did to them
  xor edi,edi
  mov eax,LOW+(stubs16-low)
  mov ecx,256
.vector: stosd
  cmp edi,64*4
  jae .shared
  add eax,STUB16
.shared:
  loop .vector
  mov esi,low_image
  mov edi,LOW
  mov ecx,low_size/4
  rep movsd
  lea esi,[ebx+case.eip]
  mov edi,SAVED
  mov ecx,16
  rep movsd
  mov eax,[ebx+case.cr0]
  mov [SAVED+64],eax
  mov eax,[ebx+case.dr+16]
  mov dr7,eax
  jmp CODE16:LOW+(to_real-low)

; --- outcomes -----------------------------------------------------------------------------------------------------------
; the stack has DS, EAX, vector, error code, EIP, CS, EFLAGS and, from an outer ring, ESP and SS
caught:
  push eax
  mov eax,ds
  push eax
  mov ax,DATA32
  mov ds,ax
  pop dword [r_ds]
  pop dword [r_eax]
  pop dword [r_vector]
  pop dword [r_error]
  pop dword [r_eip]
  pop dword [r_cs]
  pop dword [r_eflags]
  ; undefined flags must not reach the case's memory
  push byte 0
  mov [r_ecx],ecx
  mov [r_edx],edx
  mov [r_ebx],ebx
  mov [r_esp],esp
  mov [r_ebp],ebp
  mov [r_esi],esi
  mov [r_edi],edi
  mov [r_es],es
  mov [r_fs],fs
  mov [r_gs],gs
  mov [r_ss],ss
  test dword [r_eflags],0x20000
  jnz .virtual
  mov eax,cs
  xor eax,[r_cs]
  test al,3
  jz outcome
  add esp,4
  pop dword [r_esp]
  pop dword [r_ss]
  jmp outcome
.virtual:
  add esp,4
  pop dword [r_esp]
  pop dword [r_ss]
  pop dword [r_es]
  pop dword [r_ds]
  pop dword [r_fs]
  pop dword [r_gs]
  jmp outcome

; the tasks of #TS, #NP, #SS and #GP: the state is in the task that was interrupted, which is the case's own
task_faults:
%assign v 10
%rep 4
  push byte v
  jmp near task_fault
%assign v v+1
%endrep
TASK_FAULT equ ($-task_faults)/4
task_fault:
  mov edi,record+12
  mov ecx,RECORD_DWORDS-4
  xor eax,eax
  rep stosd
  pop dword [r_vector]
  pop dword [r_error]
  str eax
  movzx eax,ax
  ; whose selector is the link in this task's segment
  sub eax,GDT_LIMIT+1
  imul eax,0x68/8
  movzx eax,word [task_tss+eax]
  mov [r_eip],eax
  jmp outcome

double_fault:
  mov eax,[main_tss+32]
  mov [r_eip],eax
  mov eax,[main_tss+36]
  mov [r_eflags],eax
  mov esi,main_tss+40
  mov edi,r_eax
  mov ecx,8
  rep movsd
  movzx eax,word [main_tss+72]
  mov [r_es],eax
  movzx eax,word [main_tss+76]
  mov [r_cs],eax
  movzx eax,word [main_tss+80]
  mov [r_ss],eax
  movzx eax,word [main_tss+84]
  mov [r_ds],eax
  movzx eax,word [main_tss+88]
  mov [r_fs],eax
  movzx eax,word [main_tss+92]
  mov [r_gs],eax
  mov dword [r_vector],8
  pop dword [r_error]

outcome:
  mov eax,cr2
  mov [r_cr2],eax
  mov eax,dr6
  mov [r_dr6],eax
  xor eax,eax
  mov dr7,eax
  mov eax,0x31
  mov cr0,eax
  jmp .unpaged
.unpaged:
  xor eax,eax
  mov cr4,eax
  mov ax,DATA32
  mov ss,ax
  mov esp,stack
  mov ds,ax
  mov es,ax
  xor eax,eax
  mov fs,ax
  mov gs,ax
  lldt ax
  push byte 2
  popfd
  call digest_data
  times DIGEST_ROOM-5 nop
  mov [r_data],eax
  xor eax,eax
  mov esi,gdt+0x28
  mov ecx,22
  call digest
  mov esi,WINDOW_TABLE
  mov ecx,WINDOW_ENTRIES
  call digest
  mov esi,DIRECTORY+4
  mov ecx,2
  call digest
  mov [r_tables],eax
  mov dword [record],0x5ac3d2e1
  mov eax,[PROGRESS+4]
  mov [r_number],eax
  mov esi,record
  mov ecx,RECORD_DWORDS-1
  xor eax,eax
  call digest
  mov [r_check],eax
  call put_record
  times RECORD_ROOM-5 nop
  mov eax,[PROGRESS+4]
  cmp eax,[dump]
  jne .next
  mov esi,DATA
  mov ecx,DATA_DWORDS*4
  rep outsb
  mov esi,gdt+0x28
  mov ecx,22*4
  rep outsb
  mov esi,WINDOW_TABLE
  mov ecx,WINDOW_ENTRIES*4
  rep outsb
  mov esi,DIRECTORY+4
  mov ecx,8
  rep outsb
.next:
  inc dword [PROGRESS+4]
  jmp run_case

digest:
  add eax,[esi]
  rol eax,1
  add esi,4
  dec ecx
  jnz digest
  ret

finished:
  mov esi,ending
  mov ecx,4
  mov edx,0xe9
  rep outsb
  mov dword [PROGRESS],0
  ; QEMU's exit device, then Bochs's
  mov dx,0xf4
  mov eax,0
  out dx,eax
  mov esi,shutdown
  mov ecx,8
  mov dx,0x8900
  rep outsb
.forever:
  cli
  hlt
  jmp .forever
ending: db 'END.'
shutdown: db 'Shutdown'

stubs:
%assign v 0
%rep 64
%if v=8 || (v>=10 && v<=14) || v=17
  nop
  nop
%else
  push byte 0
%endif
  push byte v
  jmp near caught
%assign v v+1
%endrep
GATES equ 64
STUB equ ($-stubs)/GATES
; the gates' access bytes: INT3, INTO, BOUND and the software interrupts are open to ring 3; 0x32 is not, 0x34 is not present,
; 0x36 and 0x37 are 16-bit gates' types on code that lies above 64 KiB, which none can reach
access:
  db 0x8e,0x8e,0x8e,0xee,0xee,0xee,0x8e,0x8e
  times 40 db 0x8e
  db 0xee,0xee,0x8e,0xef,0x6e,0xef,0xee,0xee
  times 8 db 0x8e

; --- real mode ----------------------------------------------------------------------------------------------------------
align 4
low_image:
low equ $
bits 16
to_real:
  mov ax,DATA16
  mov ds,ax
  mov es,ax
  mov fs,ax
  mov gs,ax
  mov ss,ax
  mov eax,[SAVED+64]
  mov cr0,eax
  jmp 0:LOW+(.real-low)
.real:
  xor ax,ax
  mov ds,ax
  lidt [LOW+(vectors-low)]
  mov ss,[SAVED+16]
  mov esp,[SAVED+12]
  push dword [SAVED+8]
  push dword [SAVED+4]
  push dword [SAVED]
  mov gs,[SAVED+32]
  mov fs,[SAVED+28]
  mov es,[SAVED+24]
  mov eax,[SAVED+36]
  mov ecx,[SAVED+40]
  mov edx,[SAVED+44]
  mov ebx,[SAVED+48]
  mov ebp,[SAVED+52]
  mov esi,[SAVED+56]
  mov edi,[SAVED+60]
  mov ds,[SAVED+20]
  iretd
vectors: dw 0x3ff,0,0
gdtr16: dw GDT_LIMIT
  dd gdt
stubs16:
%assign v 0
%rep 64
  push word v
  jmp near caught16
%assign v v+1
%endrep
STUB16 equ ($-stubs16)/GATES
caught16:
  push eax
  mov ax,ds
  push ax
  xor ax,ax
  mov ds,ax
  pop word [SAVED]
  pop dword [SAVED+4]
  pop word [SAVED+8]
  pop word [SAVED+12]
  pop word [SAVED+16]
  pop word [SAVED+20]
  push word 0
  mov [SAVED+24],ss
  mov [SAVED+28],esp
  mov [SAVED+32],es
  o32 lgdt [LOW+(gdtr16-low)]
  mov eax,0x31
  mov cr0,eax
  jmp dword CODE32:from_real
align 4
low_size equ $-low
bits 32
from_real:
  mov ax,DATA32
  mov ds,ax
  mov [r_ecx],ecx
  mov [r_edx],edx
  mov [r_ebx],ebx
  mov [r_ebp],ebp
  mov [r_esi],esi
  mov [r_edi],edi
  mov [r_fs],fs
  mov [r_gs],gs
  movzx eax,word [SAVED]
  mov [r_ds],eax
  mov eax,[SAVED+4]
  mov [r_eax],eax
  movzx eax,word [SAVED+8]
  mov [r_vector],eax
  movzx eax,word [SAVED+12]
  mov [r_eip],eax
  movzx eax,word [SAVED+16]
  mov [r_cs],eax
  movzx eax,word [SAVED+20]
  mov [r_eflags],eax
  movzx eax,word [SAVED+24]
  mov [r_ss],eax
  mov eax,[SAVED+28]
  mov [r_esp],eax
  movzx eax,word [SAVED+32]
  mov [r_es],eax
  mov dword [r_error],0
  jmp outcome

; --- what came later: behind everything whose addresses are in outcomes that were recorded --------------------------------------
bits 32
; of the data; as `digest` has it, but ROL EAX,1 is two additions, which are cheaper on ours
digest_data:
  mov esi,DATA
  mov ecx,DATA_DWORDS/8
  xor eax,eax
.data:
%assign at 0
%rep 8
  add eax,[esi+at]
  add eax,eax
  adc eax,0
%assign at at+4
%endrep
  add esi,32
  dec ecx
  jnz .data
  ret

put_record:
  mov edx,0xe9
  mov esi,record
  mov ecx,RECORD_DWORDS
  cmp dword [records],0
  je .port
  mov edi,[PROGRESS+4]
  imul edi,RECORD_DWORDS*4
  add edi,[records]
  rep movsd
  ret
.port:
  shl ecx,2
  rep outsb
  ret

; --- data, in frames of its own: writing it must not look like changing code ------------------------------------------------
times 0x1000-($-$$) db 0
gdt:
  dd 0,0
  dd 0x0000ffff,0x00cf9b00
  dd 0x0000ffff,0x00cf9300
  dw 0x67
  dw main_tss-$$
  db 0
  db 0x89
  dw 0x0100
  dw 0x67
  dw fault_tss-$$
  db 0
  db 0x89
  dw 0x0100
  times 22 dd 0
  dd 0x0000ffff,0x00009b00
  dd 0x0000ffff,0x00009300
  dw 0x7f
  dw gdt-$$
  db 0
  db 0x82
  dw 0x0100
GDT_LIMIT equ $-gdt-1
  ; beyond the limit, but for a case with .tasks
  times 8 dd 0
GDT_LIMIT_TASKS equ $-gdt-1
gdtr: dw GDT_LIMIT
  dd gdt
idtr: dw GATES*8-1
  dd idt
align 16
idt: times GATES*2 dd 0
main_tss: times 25 dd 0
  dd 0x680000
fault_tss: times 25 dd 0
  dd 0x680000
task_tss:
%rep 4
  times 25 dd 0
  dd 0x680000
%endrep
plain_gates: times 8 dd 0
task_gates:
%assign v 0
%rep 4
  dd (GDT_LIMIT+1+v*8)<<16,0x8500
%assign v v+1
%endrep
fault_tasks:
%assign v 0
%rep 4
  dw 0x67
  dw task_tss+v*0x68-$$
  db 0
  db 0x89
  dw 0x0100
%assign v v+1
%endrep
record: dd 0
r_number: dd 0
r_vector: dd 0
r_error: dd 0
r_eip: dd 0
r_cs: dd 0
r_ss: dd 0
r_eflags: dd 0
r_eax: dd 0
r_ecx: dd 0
r_edx: dd 0
r_ebx: dd 0
r_esp: dd 0
r_ebp: dd 0
r_esi: dd 0
r_edi: dd 0
r_ds: dd 0
r_es: dd 0
r_fs: dd 0
r_gs: dd 0
r_cr2: dd 0
r_dr6: dd 0
r_data: dd 0
r_tables: dd 0
r_check: dd 0
RECORD_DWORDS equ ($-record)/4
entry:
entry_eip: dd 0
entry_cs: dd 0
entry_eflags: dd 0
entry_esp: dd 0
entry_ss: dd 0
entry_ds: dd 0
entry_es: dd 0
entry_fs: dd 0
entry_gs: dd 0
entry_eax: dd 0
entry_ecx: dd 0
entry_edx: dd 0
entry_ebx: dd 0
entry_ebp: dd 0
entry_esi: dd 0
entry_edi: dd 0
entry_kind: dd 0
times 0x2000-($-$$) db 0
stack2:
times 0x3000-($-$$) db 0
stack:
