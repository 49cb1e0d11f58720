; Call gates and interrupt gates of both sizes with every kind of target, RPL and CPL; the stack that a TSS gives for ring 1;
; IRET and RET to every kind of CS and SS; IRET with pseudo-random flags, virtual-8086 mode among them. For each case: the
; exception with its error code, CS and flags, or K, ESP and the stack.
%include 'start.asm'
.a: mov al,' '
  put
  mov eax,[esp+12]
  call hex16
  mov al,' '
  put
  mov eax,[esp+16]
  call hex32
  jmp finish
okay:
  mov ax,0x10
  mov ds,ax
  mov al,'K'
  put
  mov eax,esp
  call hex32
  xor ecx,ecx

.l: mov al,' '
  put
  mov eax,[esp+ecx*4]
  call hex32
  inc ecx
  cmp ecx,11
  jb .l
  mov al,'S'
  put
  mov eax,ss
  call hex16
  jmp finish
query: db 0

finish:
  mov al,10
  put
next:
  mov ax,0x10
  mov ds,ax
  mov es,ax
  mov fs,ax
  mov gs,ax
  mov ss,ax
  mov esp,0x50000
  mov byte [tssd+5],0x89
  mov ax,0x28
  ltr ax
  mov dword [tss+4],0x60000
  mov dword [tss+8],0x10
  mov ebp,[index]
  inc dword [index]
  mov eax,ebp
  mov edx,[phase]
  cmp eax,[counts+edx*4]
  jae .np
  jmp [phases+edx*4]
.np: inc dword [phase]
  mov dword [index],0
  mov eax,[phase]
  cmp eax,7
  jb next
  mov al,'E'
  put
  mov al,10
  put
  mov dx,0xf4
  mov al,0
  out dx,al
  mov esi,0x200000
  mov ecx,[output]
  sub ecx,esi
  mov dx,0xe9
  cld
  rep outsb
.h: cli
  hlt
  jmp .h
counts: dd 4096,4096,1024,1024,1024,1024,1024
phases: dd pa,pb,pc,pd,pe,pf,pg
; writes access byte AL into the spare descriptor
setspare:
  mov dword [spare],0x0000ffff
  mov dword [spare+4],0x00cf0000
  mov [spare+5],al
  ret
; EBP bits 0-3 type, 4 dpl3, 5 present, 6 nonsystem always -> access byte of the target
target:
  mov eax,ebp
  and eax,15
  or eax,0x10
  bt ebp,4
  jnc .a
  or eax,0x60
.a: bt ebp,5
  jnc .b
  or eax,0x80
.b: jmp setspare
; bits 6 wide, 7 gate dpl3, 8 gate present, 9 trap: AL = access of the gate without its type
gatebits:
  xor eax,eax
  bt ebp,7
  jnc .a
  or eax,0x60
.a: bt ebp,8
  jnc .b
  or eax,0x80
.b: ret
pa: ; call gates: bit 9 CPL 3, bits 10-11 RPL of the gate's target,
  call target
  call gatebits
  or al,4
  bt ebp,6
  jnc .n
  or al,8
.n: shl eax,8
  or eax,2
  mov [spare+12],eax
  mov eax,ebp
  shr eax,10
  and eax,3
  or eax,0x40
  shl eax,16
  or eax,landing
  mov [spare+8],eax
  mov word [farsel],0x4b
  mov edi,docall
  bt ebp,9
  jc ring3
  mov word [farsel],0x48
  jmp edi
docall: push dword 0x11112222
  push dword 0x33334444
  call far [farptr]
  int 0x30
pb: ; interrupt gates: bit 9 trap, bit 10 CPL 3, bit 11 RPL 3
  call target
  call gatebits
  or al,6
  bt ebp,6
  jnc .n
  or al,8
.n: bt ebp,9
  jnc .m
  or al,1
.m: shl eax,8
  mov [0x20000+0x31*8+4],eax
  mov eax,0x400000
  bt ebp,11
  jnc .r
  or eax,0x30000
.r: or eax,landing
  mov [0x20000+0x31*8],eax
  mov edi,doint
  bt ebp,10
  jc ring3
  jmp edi
doint: int 0x31
pc: ; SS1 of the TSS: 256 access bytes x 4 RPLs, by an interrupt from ring 3 to ring 1
  mov eax,ebp
  call setspare
  mov eax,ebp
  shr eax,8
  or eax,0x40
  mov dword [tss+12],0x62000
  mov [tss+16],eax
  mov dword [spare+8],0x0000ffff
  mov dword [spare+12],0x00cfba00
  mov dword [0x20000+0x31*8+4],0xee00
  mov dword [0x20000+0x31*8],0x480000 + landing
  mov edi,doint2
  jmp ring3
doint2: int 0x31
pd: ; IRET to CS: 256 x 4
  mov eax,ebp
  call setspare
  mov eax,ebp
  shr eax,8
  or eax,0x40
  push dword 0x23
  push dword 0x44000
  push dword 2
  push eax
  push dword landing
  iret
pe: ; IRET to SS: 256 x 4, CS of ring 3
  mov eax,ebp
  call setspare
  mov eax,ebp
  shr eax,8
  or eax,0x40
  push eax
  push dword 0x44000
  push dword 0x2
  push dword 0x1b
  push dword landing3
  iret
landing3: mov cx,ss
  mov bx,0x23
  mov ss,bx
  int 0x30
pf: ; IRET with pseudo-random flags (never NT): virtual-8086 mode among them
  mov eax,ebp
  imul eax,0x41c64e6d
  add eax,0x3039
  mov ebx,eax
  shl ebx,9
  xor eax,ebx
  and eax,~0x14300
  push dword 0x5000
  push dword 0x4000
  push dword 0x3000
  push dword 0x2000
  push dword 0x23
  push dword 0x4000
  push eax
  bt ebp,0
  jc .z
  push dword 0x1b
  push dword landing
  iret
.z: push dword 8
  push dword landing
  iret
pg: ; RETF to SS: 256 x 4
  mov eax,ebp
  call setspare
  mov eax,ebp
  shr eax,8
  or eax,0x40
  push eax
  push dword 0x44000
  push dword 0x1b
  push dword landing3
  retf
ring3:
  push dword 0x23
  push dword 0x48000
  push dword 2
  push dword 0x1b
  push edi
  mov bx,0x23
  mov ds,bx
  mov es,bx
  iret
farptr: dd landing
farsel: dw 0,0
align 2
landing: int 0x30
%include 'hexadecimal.asm'

align 2
times (512*13-($-$$))/2 dw 0x30cd
