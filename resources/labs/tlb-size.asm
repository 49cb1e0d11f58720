; The same loop, over sixteen pages, again and again: what it costs depends on how many translations the TLB can hold.
;
;   with 4 entries   each page has been driven out by the others when its turn comes: every access is a miss, and a miss
;                    reads two entries of the page tables
;   with 64 entries  sixteen misses, and then none

org 0x7C00

%define COM1       0x3F8
%define CODE       0x08
%define DATA       0x10
%define DIRECTORY  0x2_0000
%define TABLE      0x2_1000
%define PRESENT    1
%define WRITABLE   2

%define FIRST      0x10_0000            ; linear, and physical too
%define PAGES      16
%define ROUNDS     1000

%include "protected-mode.inc"           ; start: to 32-bit code and flat segments

%include "identity-map.inc"             ; map: the first 4 MiB, page n to frame n
        mov     eax, DIRECTORY
        mov     cr3, eax
        mov     eax, cr0
        or      eax, 0x8000_0000        ; PG
        mov     cr0, eax

        mov     edx, ROUNDS
round:  mov     ebx, FIRST
        mov     ecx, PAGES
page:   inc     dword [ebx]             ; one read and one write of this page
        add     ebx, 0x1000             ; the next page: another translation
        dec     ecx
        jnz     page
        dec     edx
        jnz     round

        mov     esi, done_text
        mov     edx, COM1
.next:  lodsb
        test    al, al
        jz      .end
        out     dx, al
        jmp     .next
.end:   cli
        hlt

done_text:      db 'sixteen pages, a thousand rounds', 10, 0

%include "flat-descriptors.inc"         ; gdt: null, CODE and DATA
gdt_end:

idt:
idt_end:

gdt_register:   dw gdt_end - gdt - 1
                dd gdt
idt_register:   dw idt_end - idt - 1
                dd idt
