; A ROM that tests a processor as a third-party 80386 tester does: from the reset vector through real mode, protected mode, paging,
; ring 3, virtual-8086 mode and task switches of both sizes. It reports on port 0x190: before each part the part's number, after it
; four bytes made of its results. The bytes are the same on every processor that is right; 0xFF ends, 0xEE and a vector is a fault
; that nobody expected. A ROM of
; 128 KiB has this in its upper half.
%define PORT 0x190
%macro part 1
  mov al,%1
  call put
  xor ebx,ebx
%endmacro
bits 16
org 0
start:
  cli
  cld
  xor ax,ax
  mov ds,ax
  mov es,ax
  mov ss,ax
  mov sp,0x1000
  jmp real

put: push dx
  mov dx,PORT
  out dx,al
  pop dx
  ret
; the results so far, in EBX
emit:
%rep 4
  mov al,bl
  call put
  ror ebx,8
%endrep
  ret
fold: rol ebx,5
  add ebx,eax
  ret
values: dd 0,1,0x7f,0x80,0xff80,0x7fffffff,0x80000000,0xffffffff,0x12345678

; AL and the flags' CF and AF, for every value of AL: operation, flags that it defines
%macro decimal 2
  xor cx,cx
%%each:
  mov ah,ch
  and ah,0x11
  sahf
  mov al,cl
  mov ah,3
  %1
  pushf
  pop dx
  call fold
  mov ax,dx
  and ax,%2
  call fold
  inc cl
  jnz %%each
  add ch,0x01
  cmp ch,0x12
  jne %%each
%endmacro
; every value, shifted by every count, with CF clear and set: operation, its flags with 32 bits
%macro shift 2
  mov si,values
%%value:
  xor ecx,ecx
%%count:
  mov eax,[cs:si]
  bt ecx,0
  %1 eax,cl
  pushf
  pop dx
  call fold
  mov ax,dx
  and ax,%2
  test cl,cl
  jz %%zero
  call fold
%%zero:
  mov eax,[cs:si]
  clc
  %1 ax,cl
  call fold
  mov eax,[cs:si]
  clc
  %1 al,cl
  call fold
  inc cl
  cmp cl,32
  jne %%count
  add si,4
  cmp si,values+36
  jne %%value
%endmacro
%macro multiply 1
  mov si,values
%%left:
  mov di,values
%%right:
  mov eax,[cs:si]
  mov ecx,[cs:di]
  %1 ecx
  pushf
  call fold
  mov eax,edx
  call fold
  pop ax
  and eax,0x801
  call fold
  mov eax,[cs:si]
  xor edx,edx
  %1 cx
  call fold
  mov eax,edx
  call fold
  mov eax,[cs:si]
  %1 cl
  call fold
  add di,4
  cmp di,values+36
  jne %%right
  add si,4
  cmp si,values+36
  jne %%left
%endmacro

real:
  part 0x01
  decimal daa, 0xd5
  decimal das, 0xd5
  decimal aaa, 0x11
  decimal aas, 0x11
  decimal aad, 0xc4
  decimal aam, 0xc4
  call emit
  part 0x02
  shift rol, 1
  shift ror, 1
  shift rcl, 1
  shift rcr, 1
  shift shl, 0xc5
  shift shr, 0xc5
  shift sar, 0xc5
  call emit
  part 0x03
  multiply mul
  multiply imul
  ; the quotient that does not fit, and zero, come back behind the instruction
  mov word [0],divided
  mov word [2],cs
  mov si,values
.dividend:
  mov di,values
.divisor:
  mov eax,[cs:si]
  mov edx,3
  mov ecx,[cs:di]
  div ecx
  call fold
  mov eax,edx
  call fold
  mov eax,[cs:si]
  cdq
  mov ecx,[cs:di]
  idiv cx
  nop
  call fold
  add di,4
  cmp di,values+36
  jne .divisor
  add si,4
  cmp si,values+36
  jne .dividend
  call emit
  part 0x04
  mov di,0x5000
  mov eax,0x01020304
  mov cx,64
.fill: stosd
  imul eax,eax,0x41c64e6d
  add eax,12345
  loop .fill
  mov si,0x5000
  mov di,0x5081
  mov cx,77
  rep movsb
  std
  mov si,0x50ff
  mov di,0x51ff
  mov cx,33
  rep movsw
  cld
  mov si,0x5000
  mov di,0x5081
  mov cx,100
  repe cmpsb
  pushf
  pop ax
  and ax,0x8d5
  call fold
  mov ax,cx
  call fold
  mov di,0x5000
  mov al,0x6d
  mov cx,200
  repne scasb
  mov ax,di
  call fold
  mov si,0x5000
  mov cx,0x80
.sum: lodsd
  call fold
  loop .sum
  call emit
  part 0x05
  mov si,values
.bits:
  mov ecx,[cs:si]
  mov edx,77
  bsf edx,ecx
  pushf
  jz .none
  mov eax,edx
  call fold
  bsr eax,ecx
  call fold
.none:
  pop ax
  and ax,0x40
  call fold
  mov edx,35
  mov eax,ecx
  bts eax,edx
  sbb ebp,ebp
  call fold
  btr eax,31
  adc ebp,ebp
  call fold
  btc eax,edx
  adc ebp,ebp
  call fold
  mov eax,ebp
  call fold
  mov [0x5000],ecx
  mov dx,-9
  bts [0x5002],dx
  adc ebp,ebp
  mov eax,[0x5000]
  call fold
  shld eax,ecx,7
  call fold
  shrd eax,ecx,19
  call fold
  add si,4
  cmp si,values+36
  jne .bits
  call emit

; --- protected mode -----------------------------------------------------------------------------------------------------
  part 0x06
  mov si,table
  mov di,0x2000
  mov cx,(table_end-table)/2
.copy: mov ax,[cs:si]
  mov [di],ax
  add si,2
  add di,2
  loop .copy
  ; all vectors to one place each, 8 bytes apart
  xor cx,cx
  mov di,0x4000
  mov ax,vectors
.gate: mov [di],ax
  mov word [di+2],8
  mov word [di+4],0xee00
  mov word [di+6],0
  add ax,8
  add di,8
  inc cx
  cmp cx,0x34
  jne .gate
  lgdt [cs:gdtr]
  lidt [cs:idtr]
  mov eax,cr0
  or al,1
  mov cr0,eax
  jmp 8:flat
divided: ; DIV and IDIV: back behind the instruction, whose length is 3 or 2
  push bp
  mov bp,sp
  add word [bp+2],2
  push si
  mov si,[bp+2]
  cmp byte [cs:si-2],0x66
  jne .two
  inc word [bp+2]
.two: pop si
  mov eax,0xdeadbeef
  mov edx,0x5a5a5a5a
  pop bp
  iret
gdtr: dw table_end-table-1
  dd 0x2000
idtr: dw 0x19f
  dd 0x4000
align 8
table:
  dd 0,0
  dd 0x0000ffff,0x00409b0f      ; 08 code, 32 bits
  dd 0x0000ffff,0x00cf9300      ; 10 data
  dd 0x0000ffff,0x0040fb0f      ; 18 code of ring 3
  dd 0x0000ffff,0x00cff300      ; 20 data of ring 3
  dd 0x30000067,0x00008900      ; 28 this task
  dd 0x31000067,0x00008900      ; 30 another
  dd 0x3200002b,0x00008100      ; 38 one of 16 bits
  dw gate,8,0xec02,0       ; 40 a call gate with two parameters
  dd 0x0000ffff,0x00009b0f      ; 48 code, 16 bits
table_end:

bits 32
put32: push edx
  mov edx,PORT
  out dx,al
  pop edx
  ret
emit32:
%rep 4
  mov al,bl
  call put32
  ror ebx,8
%endrep
  ret
fold32: rol ebx,5
  add ebx,eax
  ret
%macro part32 1
  mov al,%1
  call put32
  xor ebx,ebx
%endmacro

flat:
  xor eax,eax
  mov ax,0x10
  mov ds,ax
  mov es,ax
  mov ss,ax
  mov fs,ax
  mov gs,ax
  mov esp,0x1f00
  mov dword [0x3004],0x1e00
  mov dword [0x3008],0x10
  mov dword [0x301c],0x8000
  mov dword [0x3064],0x680000
  mov ax,0x28
  ltr ax
  str ax
  call fold32
  lar eax,eax
  call fold32
  mov ax,0x10
  lsl eax,eax
  call fold32
  smsw ax
  and eax,1
  call fold32
  call emit32
  ; paging: 4 MiB as they are, but for a page that is not there, one of another frame, and one that is read-only
  part32 0x07
  mov edi,0x8000
  mov ecx,0x400
  xor eax,eax
  rep stosd
  mov dword [0x8000],0x9007
  mov edi,0x9000
  mov eax,7
  mov ecx,0x400
.page: stosd
  add eax,0x1000
  loop .page
  mov dword [0x9000+0x20*4],0
  mov dword [0x9000+0x21*4],0x22007
  mov dword [0x9000+0x23*4],0x23005
  mov eax,0x8000
  mov cr3,eax
  mov eax,cr0
  or eax,0x80000000
  mov cr0,eax
  jmp short .on
.on: mov dword [0x22010],0x600dcafe
  mov eax,[0x21010]
  call fold32
  mov ebp,.absent
  mov eax,[0x20444]
.absent:
  mov eax,cr2
  call fold32
  mov eax,[0x3f00]
  call fold32
  mov eax,[0x9000+0x21*4]
  and eax,0xfff
  call fold32
  mov eax,[0x9000+0x20*4]
  call fold32
  call emit32
  ; ring 3: a privileged instruction, a page of the supervisor, a call gate with parameters, and back by an interrupt
  part32 0x08
  mov dword [0x9000+0x25*4],0x25003
  mov [0x3f10],esp
  push dword 0x23
  push dword 0x1c00
  push dword 0x1b
  push dword outer
  retf
outer:
  mov ax,0x23
  mov ds,ax
  mov es,ax
  mov ebp,.one
  hlt
.one:
  mov eax,[0x3f00]
  call fold32
  mov ebp,.two
  mov eax,[0x25000]
.two:
  mov eax,[0x3f00]
  call fold32
  mov ebp,.three
  mov dword [0x23000],1
.three:
  mov eax,[0x3f00]
  call fold32
  push dword 0x11112222
  push dword 0x33334444
  call 0x40:0
  mov eax,esp
  call fold32
  pushfd
  pop eax
  and eax,0x3000
  call fold32
  int 0x30
inner:
  mov ax,0x10
  mov ds,ax
  mov es,ax
  mov ss,ax
  mov esp,[0x3f10]
  call emit32
  ; virtual-8086 mode: 16-bit code, its segments, and HLT that comes back as #GP
  part32 0x09
  mov ebp,.back
  mov [0x3f10],esp
  push dword 0x400
  push dword 0x300
  push dword 0x600
  push dword 0x100
  push dword 0x50
  push dword 0x800
  push dword 0x23002
  push dword 0xf000
  push dword virtual
  iretd
.back:
  mov ax,0x10
  mov ds,ax
  mov es,ax
  mov ss,ax
  mov esp,[0x3f10]
  mov eax,[0x3f00]
  call fold32
  mov eax,[0x1234]
  call fold32
  mov eax,[0x3f04]
  and eax,0x23000
  call fold32
  call emit32
  ; tasks: to one of 32 bits and back by IRET, to one of 16 bits and back by a jump
  part32 0x0a
  mov edi,0x3100
  xor eax,eax
  mov ecx,0x80
  rep stosd
  mov dword [0x311c],0x8000
  mov dword [0x3120],other
  mov dword [0x3124],2
  mov dword [0x3128],0xa0a0a0a0
  mov dword [0x3138],0x1b00
  mov word [0x3148],0x10
  mov word [0x314c],8
  mov word [0x3150],0x10
  mov word [0x3154],0x10
  mov dword [0x3164],0x680000
  mov word [0x320e],small
  mov word [0x3210],2
  mov word [0x3212],0x1616
  mov word [0x321a],0x1a00
  mov word [0x3222],0x10
  mov word [0x3224],0x48
  mov word [0x3226],0x10
  mov word [0x3228],0x10
  mov eax,0x77770001
  mov ecx,0x77770002
  call 0x30:0
  call fold32
  mov eax,ecx
  call fold32
  mov eax,[0x3128]
  call fold32
  mov eax,[0x2030+4]
  call fold32
  mov eax,cr0
  and eax,8
  call fold32
  clts
  mov ecx,0x12348765
  jmp 0x38:0
resumed:
  mov eax,ecx
  call fold32
  mov eax,[0x2038+4]
  call fold32
  mov eax,[0x2028+4]
  call fold32
  movzx eax,word [0x3212]
  call fold32
  str ax
  movzx eax,ax
  call fold32
  mov eax,cr0
  and eax,8
  call fold32
  call emit32
  mov al,0xff
  call put32
.over:
  cli
  hlt
  jmp .over
; what the task of 32 bits finds: the link to the one that called, NT
other:
  movzx ebx,word [0x3100]
  add [0x3128],ebx
  pushfd
  pop edx
  and edx,0x4000
  add eax,edx
  call other_fold
  iretd
  jmp other
other_fold:
  mov [0x3f20],eax
  ret
gate:
  mov eax,[esp+8]
  xor eax,[esp+12]
  call fold32
  mov eax,[esp+16]
  call fold32
  retf 8
; #GP and #PF go on at EBP, with vector and error code in 0x3F00; the interrupt 0x30 is ring 3's way back
expected:
  push eax
  mov eax,0x10
  mov ds,ax
  mov eax,[esp+4]
  shl eax,16
  add eax,[esp+8]
  mov [0x3f00],eax
  mov eax,[esp+20]
  mov [0x3f04],eax
  test eax,0x20000
  pop eax
  jnz .virtual
  add esp,8
  mov [esp],ebp
  test byte [esp+4],3
  jz .inner
  push eax
  mov eax,0x23
  mov ds,ax
  pop eax
.inner:
  iretd
.virtual:
  mov [0x1234],eax
  jmp ebp
unexpected:
  mov al,0xee
  call put32
  mov al,[esp]
  call put32
.over:
  hlt
  jmp .over
align 8
vectors:
%assign v 0
%rep 0x30
  push byte v
  %if v=13 || v=14
  jmp near expected
  %else
  jmp near unexpected
  %endif
  nop
%assign v v+1
%endrep
  jmp near inner
  nop
  nop
  nop
%rep 3
  jmp near unexpected
  nop
  nop
  nop
%endrep
bits 16
virtual:
  mov ax,cs
  mov bx,ds
  mov cx,ss
  add ax,bx
  add ax,cx
  movzx eax,ax
  pushf
  pop dx
  and dx,0x3000
  add ax,dx
  mov [0x10],eax
  hlt
small:
  mov ax,[0x3212]
  add ax,cx
  add [0x3212],ax
  jmp 0x28:0

times 0xfff0-($-$$) db 0xff
  jmp 0xf000:start
times 0x10000-($-$$) db 0
