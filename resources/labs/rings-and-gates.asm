; Rings and gates: how a program gets into the kernel, how it does not, and how the kernel is fooled.
;
;   1. ring 3 calls a gate: CS changes to ring 0, SS:ESP comes from the TSS, one parameter is copied to the new stack
;   2. ring 3 jumps to the kernel's code without a gate: #GP with the selector in the error code
;   3. the confused deputy: ring 3 passes the kernel's own data selector; the service writes through it, because it may
;   4. the same service with ARPL gives the selector the caller's RPL first: loading it is a #GP now

org 0x7C00

%define CODE       0x08                 ; ring 0
%define DATA       0x10
%define USER_CODE  0x18 | 3             ; ring 3, and the RPL that goes with it
%define USER_DATA  0x20 | 3
%define TSS        0x28
%define TRUSTING   0x30 | 3             ; call gates, DPL 3
%define CAREFUL    0x38 | 3
%define EXIT       0x40 | 3

%define KERNEL_STACK 0x9000
%define USER_STACK   0xA000
%define SECRET       0xB000             ; a dword of the kernel's

%include "protected-mode.inc"           ; start: to 32-bit code and flat segments
        mov     eax, TSS
        ltr     ax
        mov     dword [SECRET], 'safe'
        push    dword USER_DATA         ; as if ring 3 had called: SS, ESP, CS, EIP
        push    dword USER_STACK
        push    dword USER_CODE
        push    dword user
        retf                            ; out to ring 3; DS and ES of ring 0 become null

; --- ring 3 -------------------------------------------------------------------------------------------------------------
user:
        mov     eax, USER_DATA
        mov     ds, eax
        mov     es, eax

; 1. and 3.: the gate, with the selector that the service is to write through
        push    dword DATA              ; not ours: RPL 0, and we are in ring 3
        call    TRUSTING:0              ; the offset comes from the gate
; 2.: no gate
        mov     dword [resume], after_jump
        jmp     CODE:print              ; #GP(0x08)
after_jump:
; 4.: the careful service
        mov     dword [resume], after_careful
        push    dword DATA
        call    CAREFUL:0               ; #GP(0x10), raised in ring 0
after_careful:
        call    EXIT:0

; --- ring 0 -------------------------------------------------------------------------------------------------------------
; Writes 'pwnd' to SECRET through the selector it was given. On the stack: EIP, CS, the parameter, ESP and SS of ring 3.
trusting:
        push    es
        mov     ax, [esp + 12]
        mov     es, ax                  ; CPL 0 and RPL 0: nothing is in the way
        mov     dword [es:SECRET], 'pwnd'
        pop     es
        push    ds
        mov     eax, DATA
        mov     ds, eax
        mov     esi, fooled_text
        call    print
        pop     ds
        retf    4                       ; the parameter goes from both stacks

careful:
        push    es
        mov     ax, [esp + 12]
        mov     dx, [esp + 8]           ; the caller's CS
        arpl    ax, dx                  ; RPL becomes 3
        mov     es, ax                  ; RPL 3 > DPL 0: #GP
        mov     dword [es:SECRET], 'more'
        pop     es
        retf    4

exit:
        mov     eax, DATA
        mov     ds, eax
        mov     esi, exit_text
        call    print
        cli
        hlt

; #GP: says so, and goes on in ring 3 at the address in resume, wherever it came from.
general_protection:
        mov     eax, DATA
        mov     ds, eax
        mov     esi, jump_text
        cmp     dword [esp], CODE       ; the error code
        je      .say
        mov     esi, arpl_text
.say:   call    print
        mov     esp, KERNEL_STACK
        push    dword USER_DATA
        push    dword USER_STACK
        pushfd
        push    dword USER_CODE
        push    dword [resume]
        mov     eax, USER_DATA
        mov     ds, eax
        mov     es, eax
        iretd

%include "print.inc"                    ; print: the text at ESI to the serial port

fooled_text:    db 'through the gate: the kernel was fooled', 10, 0
jump_text:      db 'without a gate: #GP', 10, 0
arpl_text:      db 'ARPL: #GP', 10, 0
exit_text:      db 'done', 10, 0

        align   4, db 0
resume: dd      0
tss:    dd      0, KERNEL_STACK, DATA           ; ESP0 and SS0; the rest is not used
        times   26 - 3 dd 0
tss_end:

; limit 15:0, base 15:0, base 23:16, access, flags and limit 19:16, base 31:24
%macro descriptor 4                     ; base, limit, access, flags
        dw      (%2) & 0xFFFF, (%1) & 0xFFFF
        db      ((%1) >> 16) & 0xFF, %3, ((%4) << 4) | (((%2) >> 16) & 0x0F), ((%1) >> 24) & 0xFF
%endmacro

%macro call_gate 2                      ; offset, parameters
        dw      %1, CODE
        db      %2, 0xEC                ; present, DPL 3, 32-bit call gate
        dw      0
%endmacro

        align   8, db 0
gdt:    dq      0
        descriptor 0, 0xF_FFFF, 0x9A, 0xC       ; code: flat, 4 KiB granularity, 32 bits
        descriptor 0, 0xF_FFFF, 0x92, 0xC       ; data: flat
        descriptor 0, 0xF_FFFF, 0xFA, 0xC       ; code of ring 3
        descriptor 0, 0xF_FFFF, 0xF2, 0xC       ; data of ring 3
        dw      tss_end - tss - 1, tss
        db      0, 0x89, 0, 0
        call_gate trusting, 1
        call_gate careful, 1
        call_gate exit, 0
gdt_end:

idt:    times 13 dq 0
        dw      general_protection, CODE, 0x8E00, 0     ; 13: #GP
idt_end:

gdt_register:   dw gdt_end - gdt - 1
                dd gdt
idt_register:   dw idt_end - idt - 1
                dd idt
