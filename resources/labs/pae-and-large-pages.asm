; Pages of three sizes: 4 MiB with PSE, then PAE with 2 MiB and 4 KiB, memory above 4 GiB, and a page that must not be executed.
;
;   1. PSE: one directory entry maps 4 MiB, and there is no page table
;   2. PAE: entries of eight bytes, three levels; a 2 MiB page reaches the frame at 4 GiB that no 32-bit entry could name
;   3. NX: jumping into a page with the bit set is a #PF with error code 0x11 (present, instruction fetch)

org 0x7C00

%define CODE       0x08
%define DATA       0x10
%define PRESENT    1
%define WRITABLE   2
%define LARGE      0x80                 ; PS

%define DIRECTORY  0x2_0000             ; with PSE
%define POINTERS   0x2_1000             ; with PAE: four pointers, a directory, a table
%define PAE_DIRECTORY 0x2_2000
%define PAE_TABLE  0x2_3000

%define HIGH       0x40_0000            ; linear: 2 MiB that lie at 4 GiB
%define SMALL      0x60_0000            ; linear: one 4 KiB page
%define FRAME      0x50_0000            ; physical: its frame

%include "protected-mode.inc"           ; start: to 32-bit code and flat segments

; --- 1. PSE -------------------------------------------------------------------------------------------------------------
        mov     edi, DIRECTORY          ; all four tables empty
        mov     ecx, 4 * 1024
        xor     eax, eax
        rep     stosd
        mov     dword [DIRECTORY], LARGE | WRITABLE | PRESENT           ; 0 to 4 MiB, one to one
        mov     dword [DIRECTORY + 4], 0x80_0000 | LARGE | WRITABLE | PRESENT   ; 4 to 8 MiB at 8 MiB
        mov     eax, cr4
        or      eax, 0x10               ; PSE
        mov     cr4, eax
        mov     eax, DIRECTORY
        mov     cr3, eax
        mov     eax, cr0
        or      eax, 0x8000_0000        ; PG
        mov     cr0, eax
        mov     dword [0x41_2340], 'PSE '       ; 0x80_0000 + 0x1_2340
        mov     esi, pse_text
        call    print

; --- 2. PAE -------------------------------------------------------------------------------------------------------------
        mov     eax, cr0                ; the format of the tables changes: paging off in between
        and     eax, 0x7FFF_FFFF
        mov     cr0, eax
        mov     dword [POINTERS], PAE_DIRECTORY | PRESENT
        mov     dword [PAE_DIRECTORY], LARGE | WRITABLE | PRESENT               ; 0 to 2 MiB, one to one
        mov     dword [PAE_DIRECTORY + 2 * 8], 0 | LARGE | WRITABLE | PRESENT   ; 4 to 6 MiB …
        mov     dword [PAE_DIRECTORY + 2 * 8 + 4], 1                            ; … at 0x1_0000_0000
        mov     dword [PAE_DIRECTORY + 3 * 8], PAE_TABLE | WRITABLE | PRESENT   ; 6 to 8 MiB: a table
        mov     dword [PAE_TABLE], FRAME | WRITABLE | PRESENT
        mov     dword [PAE_TABLE + 4], 0x8000_0000                              ; NX, bit 63
        mov     ecx, 0xC000_0080        ; EFER
        rdmsr
        or      eax, 0x800              ; NXE
        wrmsr
        mov     eax, cr4
        or      eax, 0x20               ; PAE
        mov     cr4, eax
        mov     eax, POINTERS
        mov     cr3, eax
        mov     eax, cr0
        or      eax, 0x8000_0000        ; PG
        mov     cr0, eax
        mov     dword [HIGH], 'high'    ; 0x1_0000_0000
        mov     dword [SMALL], 0xC3C3_C3C3      ; four RETs, in a page for data
        mov     esi, pae_text
        call    print

; --- 3. NX --------------------------------------------------------------------------------------------------------------
        mov     eax, SMALL
        call    eax                     ; reading and writing are allowed, fetching is not
        jmp     stop                    ; not reached
behind:
        mov     esi, nx_text
        call    print
stop:   cli
        hlt

; On the stack: error code, EIP, CS, EFLAGS, and what the call pushed.
page_fault:
        mov     dword [esp + 4], behind
        add     esp, 4
        iretd

%include "print.inc"                    ; print: the text at ESI to the serial port

pse_text:       db '4 MiB page written', 10, 0
pae_text:       db 'written above 4 GiB through a 2 MiB page', 10, 0
nx_text:        db 'NX held', 10, 0

%include "flat-descriptors.inc"         ; gdt: null, CODE and DATA
gdt_end:

idt:    times 14 dq 0
        dw      page_fault, CODE, 0x8E00, 0             ; 14: #PF
idt_end:

gdt_register:   dw gdt_end - gdt - 1
                dd gdt
idt_register:   dw idt_end - idt - 1
                dd idt
