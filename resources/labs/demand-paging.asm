; Demand paging: memory is promised at once and given on first touch.
;
;   1. 64 KiB of linear addresses, none of their 16 pages present
;   2. the program touches five of them; each first touch is a #PF, and the handler takes the next free frame
;   3. touched again, they cost nothing: the count of faults stays at five

org 0x7C00

%define COM1       0x3F8
%define CODE       0x08
%define DATA       0x10
%define DIRECTORY  0x2_0000
%define TABLE      0x2_1000
%define PRESENT    1
%define WRITABLE   2

%define HEAP       0x30_0000            ; linear: 16 pages
%define PAGES      16
%define FREE       0x50_0000            ; physical: frames are taken from here upwards

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

; --- 1. promised --------------------------------------------------------------------------------------------------------
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

; Writes the text at ESI, up to its zero byte, to the serial port.
print:
        mov     edx, COM1
.next:  lodsb
        test    al, al
        jz      .done
        out     dx, al
        jmp     .next
.done:  ret

touched_text:   db 'five pages touched, five faults', 10, 0
again_text:     db 'touched again, no fault', 10, 0
        align   4, db 0
free:   dd      FREE
faults: dd      0

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

idt:    times 14 dq 0
        dw      page_fault, CODE, 0x8E00, 0             ; 14: #PF, 32-bit interrupt gate
idt_end:

gdt_register:   dw gdt_end - gdt - 1
                dd gdt
idt_register:   dw idt_end - idt - 1
                dd idt
