; The board holds 4 GiB, and devices have the last half gibibyte of the addresses below 4 GiB. A program with 32-bit addresses
; looks at both sides of the border: below it memory answers, and from it on nobody does. The memory that would have been there
; has moved above 4 GiB, where 32 bits do not reach; four-megabyte pages with 36-bit frames (PSE-36) do.

bits 32
org 0x10_0000

%define HOLE   0xE000_0000
%define TABLE  0x20_0000                ; the page directory
%define WINDOW 0x4000_0000              ; where 0x1_0000_0000 is made visible

start:
        mov     dword [HOLE - 4], 0x600D_F00D
        mov     esi, below_text
        cmp     dword [HOLE - 4], 0x600D_F00D
        jne     broken
        call    print

        mov     dword [HOLE], 0xBAD_F00D
        mov     esi, hole_text
        cmp     dword [HOLE], 0xFFFF_FFFF
        jne     broken
        call    print

        ; a page directory with 4 MiB pages: the first one to one, and one window onto 4 GiB
        mov     dword [TABLE], 0x83                             ; P, W, PS: 0 to 4 MiB
        mov     dword [TABLE + (WINDOW >> 22) * 4], 0x2083      ; bit 13 of the entry is bit 32 of the frame
        mov     eax, TABLE
        mov     cr3, eax
        mov     eax, cr4
        or      eax, 0x10                                       ; PSE
        mov     cr4, eax
        mov     eax, cr0
        or      eax, 0x8000_0000                                ; PG
        mov     cr0, eax
        mov     dword [WINDOW], 'up!!'
        mov     esi, above_text
        cmp     dword [WINDOW], 'up!!'
        jne     broken
        call    print
        cli
        hlt

broken: mov     esi, broken_text
        call    print
        cli
        hlt

%include "print.inc"                    ; print: the text at ESI to the serial port

below_text:     db 'below the hole: memory', 10, 0
hole_text:      db 'in the hole: nobody', 10, 0
above_text:     db 'above 4 GiB: the memory from under the hole', 10, 0
broken_text:    db 'not what was expected', 10, 0
