; Four DIMMs, one address space.
;
; The board wires four 256 MiB DIMMs one behind the other. This program writes a byte of its own to the first and the last
; address of each, and then reads where no DIMM answers. There is no paging and the segments are flat, so every address below
; is a linear address, a physical address, and the number the memory controller splits into slot, bank, row and column.

bits 32
org 0x10_0000

%define DIMM_SIZE 0x1000_0000           ; 256 MiB
%define DIMMS     4

start:
        xor     ebx, ebx                ; number of the DIMM, from 0
        xor     edi, edi                ; its first address
next_dimm:
        lea     eax, [ebx + 0xF0]       ; F0, F1, F2, F3: "first byte of DIMM n"
        mov     [edi], al
        lea     eax, [ebx + 0xE0]       ; E0, E1, E2, E3: "last byte of DIMM n"
        mov     [edi + DIMM_SIZE - 1], al
        add     edi, DIMM_SIZE
        inc     ebx
        cmp     ebx, DIMMS
        jb      next_dimm

        ; The last byte of one DIMM and the first of the next are neighbours: one access crosses the seam.
        mov     ax, [2 * DIMM_SIZE - 1] ; E1 from A2, F2 from B1
        cmp     ax, 0xF2E1
        mov     esi, seam_text
        je      tell
        mov     esi, broken_text
tell:   call    print

        ; EDI is now one past the end. Nobody answers there: the bus stays at all ones.
        mov     eax, [edi]
        cmp     eax, 0xFFFF_FFFF
        mov     esi, nobody_text
        je      tell_end
        mov     esi, broken_text
tell_end:
        call    print
        cli
        hlt

%include "print.inc"                    ; print: the text at ESI to the serial port

seam_text:      db 'the seam between two DIMMs cannot be seen', 10, 0
nobody_text:    db 'past the end: all ones', 10, 0
broken_text:    db 'not what was expected', 10, 0
