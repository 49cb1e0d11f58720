; Two processes: one linear address, two page directories, two frames.
;
;   1. each process has a directory of its own; the first 4 MiB (this program) are shared, 4 MiB to 8 MiB are private
;   2. both write to the same linear address
;   3. back in the first one, what it wrote is still there

org 0x7C00

%define CODE       0x08
%define DATA       0x10
%define PRESENT    1
%define WRITABLE   2

%define SHARED     0x2_0000             ; page table of the first 4 MiB, in both directories
%define DIRECTORY1 0x2_1000
%define TABLE1     0x2_2000
%define DIRECTORY2 0x2_3000
%define TABLE2     0x2_4000
%define FRAME1     0x50_0000            ; physical
%define FRAME2     0x60_0000
%define PRIVATE    0x40_0000            ; linear, in either process

%include "protected-mode.inc"           ; start: to 32-bit code and flat segments

; --- 1. two directories -------------------------------------------------------------------------------------------------
        mov     edi, DIRECTORY1         ; both directories and both tables empty
        mov     ecx, 4 * 1024
        xor     eax, eax
        rep     stosd
        mov     edi, SHARED
        mov     ecx, 1024
        mov     eax, WRITABLE | PRESENT
map:    stosd                           ; page n to frame n
        add     eax, 0x1000
        loop    map
        mov     dword [DIRECTORY1], SHARED | WRITABLE | PRESENT
        mov     dword [DIRECTORY1 + 4], TABLE1 | WRITABLE | PRESENT
        mov     dword [TABLE1], FRAME1 | WRITABLE | PRESENT
        mov     dword [DIRECTORY2], SHARED | WRITABLE | PRESENT
        mov     dword [DIRECTORY2 + 4], TABLE2 | WRITABLE | PRESENT
        mov     dword [TABLE2], FRAME2 | WRITABLE | PRESENT

; --- 2. the same address ------------------------------------------------------------------------------------------------
        mov     eax, DIRECTORY1
        mov     cr3, eax
        mov     eax, cr0
        or      eax, 0x8000_0000        ; PG
        mov     cr0, eax
        mov     dword [PRIVATE], 'one '
        mov     esi, first_text
        call    print

        mov     eax, DIRECTORY2         ; the switch: CR3, and the TLB is flushed with it
        mov     cr3, eax
        cmp     dword [PRIVATE], 'one '
        je      stop                    ; it must not see the first one's memory
        mov     dword [PRIVATE], 'two '
        mov     esi, second_text
        call    print

; --- 3. back ------------------------------------------------------------------------------------------------------------
        mov     eax, DIRECTORY1
        mov     cr3, eax
        cmp     dword [PRIVATE], 'one '
        jne     stop
        mov     esi, back_text
        call    print
stop:   cli
        hlt

%include "print.inc"                    ; print: the text at ESI to the serial port

first_text:     db 'process 1 wrote', 10, 0
second_text:    db 'process 2 wrote the same address', 10, 0
back_text:      db 'process 1 finds its own', 10, 0

%include "flat-descriptors.inc"         ; gdt: null, CODE and DATA
gdt_end:

idt:
idt_end:

gdt_register:   dw gdt_end - gdt - 1
                dd gdt
idt_register:   dw idt_end - idt - 1
                dd idt
