; Demand paging: memory is promised at once and given on first touch.
;
;   1. 64 KiB of linear addresses, none of their 16 pages present
;   2. the program touches five of them; each first touch is a #PF, and the handler takes the next free frame
;   3. touched again, they cost nothing: the count of faults stays at five

org 0x7C00

%define CODE       0x08
%define DATA       0x10
%define DIRECTORY  0x2_0000
%define TABLE      0x2_1000
%define PRESENT    1
%define WRITABLE   2

%define HEAP       0x30_0000            ; linear: 16 pages
%define PAGES      16
%define FREE       0x50_0000            ; physical: frames are taken from here upwards

%include "protected-mode.inc"           ; start: to 32-bit code and flat segments

; --- 1. promised --------------------------------------------------------------------------------------------------------
%include "identity-map.inc"             ; map: the first 4 MiB, page n to frame n
        mov     edi, TABLE + (HEAP >> 12) * 4
        mov     ecx, PAGES
        xor     eax, eax
        rep     stosd                   ; not present
        mov     eax, DIRECTORY
        mov     cr3, eax
        mov     eax, cr0
        or      eax, 0x8000_0000        ; PG
        mov     cr0, eax

; --- 2. touched, in an order of its own ---------------------------------------------------------------------------------
        mov     dword [HEAP + 3 * 0x1000], 'pg03'
        mov     dword [HEAP], 'pg00'
        mov     dword [HEAP + 15 * 0x1000], 'pg15'
        mov     dword [HEAP + 7 * 0x1000], 'pg07'
        mov     eax, [HEAP + 1 * 0x1000]        ; a read faults as well
        cmp     dword [faults], 5
        jne     stop
        mov     esi, touched_text
        call    print

; --- 3. touched again ---------------------------------------------------------------------------------------------------
        mov     dword [HEAP + 3 * 0x1000 + 4], 'more'
        cmp     dword [HEAP], 'pg00'
        jne     stop
        cmp     dword [faults], 5
        jne     stop
        mov     esi, again_text
        call    print
stop:   cli
        hlt

; Gives the page at CR2 the next free frame. On the stack: error code, EIP, CS, EFLAGS.
page_fault:
        push    eax
        push    ebx
        mov     ebx, cr2
        shr     ebx, 12
        mov     eax, [free]
        or      eax, WRITABLE | PRESENT
        mov     [TABLE + ebx * 4], eax
        add     dword [free], 0x1000
        inc     dword [faults]
        pop     ebx
        pop     eax
        add     esp, 4                  ; the error code
        iretd                           ; the same instruction runs again

%include "print.inc"                    ; print: the text at ESI to the serial port

touched_text:   db 'five pages touched, five faults', 10, 0
again_text:     db 'touched again, no fault', 10, 0
        align   4, db 0
free:   dd      FREE
faults: dd      0

%include "flat-descriptors.inc"         ; gdt: null, CODE and DATA
gdt_end:

idt:    times 14 dq 0
        dw      page_fault, CODE, 0x8E00, 0             ; 14: #PF, 32-bit interrupt gate
idt_end:

gdt_register:   dw gdt_end - gdt - 1
                dd gdt
idt_register:   dw idt_end - idt - 1
                dd idt
