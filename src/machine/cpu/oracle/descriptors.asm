; Every access byte, RPL and operation on a selector (loads of DS, SS, LDTR, TR; LAR, LSL, VERR, VERW; far jump, call,
; return) from CPL 0 and 3, then every combination of P, R/W and U/S in PDE and PTE with CR0.WP, reads and writes, CPL 0 and 3,
; within a page and across two. For each case: the exception with its error code (and CR2), or K and the CS that was reached;
; then what the tables hold.
%include 'start.asm'
.a: jmp finish
okay:
  mov ebx,eax
  mov ax,0x10
  mov ds,ax
  mov al,'K'
  put
  mov eax,[esp+4]
  call hex16
  cmp byte [query],0
  je .n
  mov al,'='
  put
  mov eax,ebx
  call hex32
.n: jmp finish
query: db 0
finish:
  cmp dword [phase],1
  je pfinish
  mov al,10
  put
  ; spare descriptor's access byte afterwards
  mov al,[spare+5]
  call hex8
next:
  mov ax,0x10
  mov ds,ax
  mov es,ax
  mov ss,ax
  mov esp,0x50000
  mov byte [tssd+5],0x89
  mov ax,0x28
  ltr ax
  xor ax,ax
  lldt ax
  mov ebp,[index]
  inc dword [index]
  cmp ebp,256*4*2*11
  jae paging
  ; ebp = ((op*2+cpl)*4+rpl)*256+access
  mov eax,ebp
  and eax,0xff
  mov dword [spare],0x0000ffff
  mov dword [spare+4],0x00cf0000
  mov [spare+5],al
  mov ecx,eax
  mov eax,ebp
  shr eax,8
  and eax,3
  or eax,0x40
  mov edx,ebp
  shr edx,10
  mov esi,edx
  shr edx,1       ; op
  ; system descriptors that would switch tasks or go through gates: not for jumps and loads of TR
  cmp edx,8
  jb .go
  test cl,0x10
  jz next
.go:
  mov byte [query],0
  cmp edx,4
  je .q
  cmp edx,5
  jne .nq
.q: mov byte [query],1
.nq:
  mov edi,[ops+edx*4]
  mov word [farsel],ax
  test esi,1
  jnz .r3
  jmp edi
.r3:
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
ops: dd o0,o1,o2,o3,o4,o5,o6,o7,o8,o9,o10
o0: mov ds,ax
  int 0x30
o1: mov cx,ss
  mov ss,ax
  mov ss,cx
  int 0x30
o2: lldt ax
  int 0x30
o3: ltr ax
  int 0x30
o4: mov ebx,eax
  mov eax,0x5555
  lar eax,ebx
  jz .z
  mov eax,0xeeee
.z: int 0x30
o5: mov ebx,eax
  mov eax,0x5555
  lsl eax,ebx
  jz .z
  mov eax,0xeeee
.z: int 0x30
o6: verr ax
  jz okk
  int 0
o7: verw ax
  jz okk
  int 0
okk: int 0x30
o8: jmp far [farptr]
o9: call far [farptr]
  int 0x30
o10:
  push dword 0x23
  push dword 0x44000
  push eax
  push dword landing
  retf
landing: int 0x30

%include 'hexadecimal.asm'

paging:
  mov dword [phase],1
  mov dword [index],0
  mov byte [query],0
  mov al,10
  put
  ; identity 4 MiB at 0x30000/0x31000
  mov dword [0x30000],0x31007
  xor ecx,ecx
.p: mov eax,ecx
  shl eax,12
  or eax,7
  mov [0x31000+ecx*4],eax
  inc ecx
  cmp ecx,1024
  jb .p
pnext:
  mov ax,0x10
  mov ds,ax
  mov es,ax
  mov ss,ax
  mov esp,0x50000
  mov ebp,[index]
  inc dword [index]
  cmp ebp,1024
  jae done
  ; bits: 0-2 pde P W U, 3-5 pte, 6 wp, 7 write, 8 cpl3, 9 crossing into the next page (mapped supervisor rw)
  mov eax,ebp
  and eax,7
  or eax,0x32000
  mov [0x30004],eax
  mov eax,ebp
  shr eax,3
  and eax,7
  or eax,0x33000
  mov [0x32000],eax
  mov dword [0x32004],0x34003
  mov eax,0x30000
  mov cr3,eax
  mov eax,cr0
  and eax,~0x10000
  or eax,0x80000000
  bt ebp,6
  jnc .w
  or eax,0x10000
.w: mov cr0,eax
  mov edi,0x400010
  bt ebp,9
  jnc .x
  mov edi,0x400ffe
.x: mov esi,pread
  bt ebp,7
  jnc .y
  mov esi,pwrite
.y: bt ebp,8
  jc .r3
  jmp esi
.r3:
  push dword 0x23
  push dword 0x48000
  push dword 2
  push dword 0x1b
  push esi
  mov bx,0x23
  mov ds,bx
  mov es,bx
  iret
pread: mov eax,[edi]
  int 0x30
pwrite: mov [edi],eax
  int 0x30
pfinish:
  mov al,' '
  put
  mov al,[0x30004]
  call hex8
  mov al,[0x32000]
  call hex8
  mov al,[0x32004]
  call hex8
  mov al,10
  put
  jmp pnext
done:
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
times 512*13-($-$$) db 0
