; A page-table entry is changed, and the processor does not notice.
;
;   1. a page is mapped to one frame and written: the TLB now holds its translation
;   2. its entry in memory is changed to another frame, without INVLPG: the next write still goes to the old frame
;   3. INVLPG drops the TLB's entry: the next write walks the tables, and goes to the new frame

org 0x7C00

%define CODE       0x08
%define DATA       0x10
%define DIRECTORY  0x2_0000
%define TABLE      0x2_1000
%define PRESENT    1
%define WRITABLE   2

%define PAGE       0x30_0000            ; linear
%define OLD_FRAME  0x50_0000            ; physical
%define NEW_FRAME  0x60_0000

%include "protected-mode.inc"           ; start: to 32-bit code and flat segments

%include "identity-map.inc"             ; map: the first 4 MiB, page n to frame n
        mov     dword [TABLE + (PAGE >> 12) * 4], OLD_FRAME | WRITABLE | PRESENT
        mov     eax, DIRECTORY
        mov     cr3, eax
        mov     eax, cr0
        or      eax, 0x8000_0000        ; PG
        mov     cr0, eax

; --- 1. filled ----------------------------------------------------------------------------------------------------------
        mov     dword [PAGE], 'one '    ; a miss: the walk fills the TLB
        mov     esi, filled_text
        call    print

; --- 2. stale -----------------------------------------------------------------------------------------------------------
        mov     dword [TABLE + (PAGE >> 12) * 4], NEW_FRAME | WRITABLE | PRESENT
        mov     dword [PAGE + 4], 'two '        ; a hit: the old frame
        mov     esi, stale_text
        call    print

; --- 3. invalidated -----------------------------------------------------------------------------------------------------
        invlpg  [PAGE]
        mov     dword [PAGE + 8], 'tri '        ; a miss again: the new frame
        mov     esi, fresh_text
        call    print
        cli
        hlt

%include "print.inc"                    ; print: the text at ESI to the serial port

filled_text:    db 'translation cached', 10, 0
stale_text:     db 'entry changed, old frame written', 10, 0
fresh_text:     db 'after INVLPG the new frame is written', 10, 0

%include "flat-descriptors.inc"         ; gdt: null, CODE and DATA
gdt_end:

idt:
idt_end:

gdt_register:   dw gdt_end - gdt - 1
                dd gdt
idt_register:   dw idt_end - idt - 1
                dd idt
