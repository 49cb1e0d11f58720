; Segments and paging: from the boot sector's real mode to protected mode with page tables, tripping over each protection once.
;
;   1. real mode: segment × 16 + offset, no protection at all
;   2. protected mode: a GDT for code and data, an LDT with one small data segment
;   3. one byte past that segment's limit: #GP, and the handler goes on behind the instruction
;   4. paging: 4 MiB mapped one to one, but for one page
;   5. a write to that page: #PF, the handler maps a frame, and the same instruction runs again and succeeds

org 0x7C00

%define CODE       0x08                 ; selectors: index × 8, TI in bit 2, RPL in bits 1:0
%define DATA       0x10
%define LDT        0x18
%define SMALL      0x08 | 4             ; index 1 of the LDT (TI = 1)

%define SMALL_BASE 0x9000               ; the small segment: 4 KiB from here
%define SMALL_SIZE 0x1000

%define DIRECTORY  0x2_0000             ; page directory, and one page table behind it
%define TABLE      0x2_1000
%define PRESENT    1
%define WRITABLE   2

%define HOLE       0x30_0000            ; linear: the page that is missing at first
%define FRAME      0x50_0000            ; physical: the frame the handler puts there

; --- 1. real mode -------------------------------------------------------------------------------------------------------
bits 16
start:
        cli
        lgdt    [gdt_register]
        lidt    [idt_register]
        mov     eax, cr0
        or      al, 1                   ; PE
        mov     cr0, eax
        jmp     CODE:protected          ; loads CS, and with it its hidden descriptor

; --- 2. protected mode --------------------------------------------------------------------------------------------------
bits 32
protected:
        mov     eax, DATA
        mov     ds, eax
        mov     es, eax
        mov     ss, eax
        mov     esp, start              ; the stack grows down from the program
        mov     eax, LDT
        lldt    ax
        mov     eax, SMALL
        mov     fs, eax
        mov     esi, protected_text
        call    print

; --- 3. the limit -------------------------------------------------------------------------------------------------------
        mov     byte [fs:SMALL_SIZE - 1], 'L'   ; the last byte is inside …
        mov     byte [fs:SMALL_SIZE], 'X'       ; … and the next one is not: #GP(0)
behind_limit:
        mov     esi, limit_text
        call    print

; --- 4. paging ----------------------------------------------------------------------------------------------------------
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
        mov     dword [TABLE + (HOLE >> 12) * 4], 0

        mov     eax, DIRECTORY
        mov     cr3, eax
        mov     eax, cr0
        or      eax, 0x8000_0000        ; PG
        mov     cr0, eax
        mov     esi, paging_text
        call    print

; --- 5. the missing page ------------------------------------------------------------------------------------------------
        mov     dword [HOLE], 'here'    ; #PF at first; runs again when the handler returns
        cmp     dword [HOLE], 'here'
        jne     stop
        mov     esi, page_text
        call    print
stop:   cli
        hlt

; --- handlers -----------------------------------------------------------------------------------------------------------
; On the stack: error code, EIP, CS, EFLAGS.

general_protection:
        mov     dword [esp + 4], behind_limit   ; do not run that instruction again
        add     esp, 4                          ; the error code
        iretd

page_fault:
        push    eax
        push    ebx
        mov     ebx, cr2                        ; the linear address that failed
        mov     eax, ebx
        shr     eax, 12
        mov     dword [TABLE + eax * 4], FRAME | WRITABLE | PRESENT
        invlpg  [ebx]
        pop     ebx
        pop     eax
        add     esp, 4
        iretd

%include "print.inc"                    ; print: the text at ESI to the serial port

protected_text: db 'protected mode', 10, 0
limit_text:     db 'limit held', 10, 0
paging_text:    db 'paging on', 10, 0
page_text:      db 'page mapped on demand', 10, 0

; --- descriptor tables --------------------------------------------------------------------------------------------------
%include "flat-descriptors.inc"         ; gdt: null, CODE and DATA
        dw      LDT_BYTES - 1, ldt              ; the LDT is a segment too
        db      0, 0x82, 0, 0
gdt_end:

ldt:    dq      0
        descriptor SMALL_BASE, SMALL_SIZE - 1, 0x92, 0x4        ; small data segment, byte granularity
ldt_end:
LDT_BYTES equ ldt_end - ldt

idt:    times 13 dq 0
        dw      general_protection, CODE, 0x8E00, 0     ; 13: #GP, 32-bit interrupt gate
        dw      page_fault, CODE, 0x8E00, 0             ; 14: #PF
idt_end:

gdt_register:   dw gdt_end - gdt - 1
                dd gdt
idt_register:   dw idt_end - idt - 1
                dd idt
