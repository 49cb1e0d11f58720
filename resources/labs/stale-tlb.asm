; A page-table entry is changed, and the processor does not notice.
;
;   1. a page is mapped to one frame and written: the TLB now holds its translation
;   2. its entry in memory is changed to another frame, without INVLPG: the next write still goes to the old frame
;   3. INVLPG drops the TLB's entry: the next write walks the tables, and goes to the new frame

org 0x7C00

%define COM1       0x3F8
%define CODE       0x08
%define DATA       0x10
%define DIRECTORY  0x2_0000
%define TABLE      0x2_1000
%define PRESENT    1
%define WRITABLE   2

%define PAGE       0x30_0000            ; linear
%define OLD_FRAME  0x50_0000            ; physical
%define NEW_FRAME  0x60_0000

bits 16
start:
        cli
        lgdt    [gdt_register]
        lidt    [idt_register]
        mov     eax, cr0
        or      al, 1                   ; PE
        mov     cr0, eax
        jmp     CODE:protected

bits 32
protected:
        mov     eax, DATA
        mov     ds, eax
        mov     es, eax
        mov     ss, eax
        mov     esp, start              ; the stack grows down from the program

        mov     edi, DIRECTORY          ; an empty directory …
        mov     ecx, 1024
        xor     eax, eax
        rep     stosd
        mov     dword [DIRECTORY], TABLE | WRITABLE | PRESENT   ; … but for its first 4 MiB
        mov     edi, TABLE
        mov     ecx, 1024
        mov     eax, WRITABLE | PRESENT
map:    stosd                           ; page n to frame n
        add     eax, 0x1000
        loop    map
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

; Writes the text at ESI, up to its zero byte, to the serial port.
print:
        mov     edx, COM1
.next:  lodsb
        test    al, al
        jz      .done
        out     dx, al
        jmp     .next
.done:  ret

filled_text:    db 'translation cached', 10, 0
stale_text:     db 'entry changed, old frame written', 10, 0
fresh_text:     db 'after INVLPG the new frame is written', 10, 0

; limit 15:0, base 15:0, base 23:16, access, flags and limit 19:16, base 31:24
%macro descriptor 4                     ; base, limit, access, flags
        dw      (%2) & 0xFFFF, (%1) & 0xFFFF
        db      ((%1) >> 16) & 0xFF, %3, ((%4) << 4) | (((%2) >> 16) & 0x0F), ((%1) >> 24) & 0xFF
%endmacro

        align   8, db 0
gdt:    dq      0
        descriptor 0, 0xF_FFFF, 0x9A, 0xC       ; code: flat, 4 KiB granularity, 32 bits
        descriptor 0, 0xF_FFFF, 0x92, 0xC       ; data: flat
gdt_end:

idt:
idt_end:

gdt_register:   dw gdt_end - gdt - 1
                dd gdt
idt_register:   dw idt_end - idt - 1
                dd idt
