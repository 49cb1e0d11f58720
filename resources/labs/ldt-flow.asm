; From a selector to a byte: GDT, LDTR, LDT, hidden part, base + offset.
;
;   1. the GDT has a descriptor that describes the LDT; LLDT loads it into LDTR
;   2. a task takes its code, data and stack from the LDT: three segments, three bases
;   3. the task's data descriptor is changed in memory: DS keeps what it was loaded with …
;   4. … until DS is loaded again

org 0x7C00

%define COM1       0x3F8

%define CODE       0x08                 ; selectors: index × 8, TI in bit 2, RPL in bits 1:0
%define DATA       0x10
%define LDT        0x18
%define TASK_CODE  0x08 | 4             ; index 1, 2 and 3 of the LDT (TI = 1)
%define TASK_DATA  0x10 | 4
%define TASK_STACK 0x18 | 4

%define OLD_BASE   0x9000               ; the task's data at first
%define NEW_BASE   0xB000               ; and after the change
%define STACK_BASE 0xA000
%define SIZE       0x1000

%include "protected-mode.inc"           ; start: to 32-bit code and flat segments

; --- 1. LDTR ------------------------------------------------------------------------------------------------------------
        mov     eax, LDT
        lldt    ax                      ; GDT entry 3 → LDTR
        mov     esi, ldtr_text
        call    CODE:print_flat
        jmp     TASK_CODE:0             ; offset 0 of the task's code segment is the label task

; --- 2. the task --------------------------------------------------------------------------------------------------------
; Its code segment begins here, so labels count from task; ES stays flat for the texts.
        align   16
task:
        mov     eax, TASK_DATA
        mov     ds, eax
        mov     eax, TASK_STACK
        mov     ss, eax
        mov     esp, SIZE               ; the top of a segment of 4 KiB
        push    dword 'stck'            ; STACK_BASE + 0xFFC
        mov     dword [0x10], 'data'    ; OLD_BASE + 0x10
        mov     esi, task_text
        call    CODE:print_flat

; --- 3. the hidden part -------------------------------------------------------------------------------------------------
        mov     word [es:task_data + 2], NEW_BASE       ; base 15:0 of the descriptor in memory
        mov     dword [0x20], 'hide'    ; DS does not care: OLD_BASE + 0x20
        mov     esi, hidden_text
        call    CODE:print_flat

; --- 4. loaded again ----------------------------------------------------------------------------------------------------
        mov     eax, ds
        mov     ds, eax                 ; the same selector; the hidden part is read from the LDT again
        mov     dword [0x20], 'load'    ; NEW_BASE + 0x20
        mov     esi, loaded_text
        call    CODE:print_flat
        cli
        hlt
task_end:

; Writes the text at ES:ESI, up to its zero byte, to the serial port. Far, and without touching DS: loading it would spoil the experiment.
print_flat:
        mov     edx, COM1
.next:  mov     al, [es:esi]
        inc     esi
        test    al, al
        jz      .done
        out     dx, al
        jmp     .next
.done:  retf

ldtr_text:      db 'LDTR loaded from the GDT', 10, 0
task_text:      db 'code, data and stack from the LDT', 10, 0
hidden_text:    db 'descriptor changed, DS keeps its base', 10, 0
loaded_text:    db 'DS loaded again, new base', 10, 0

; --- descriptor tables --------------------------------------------------------------------------------------------------
%include "flat-descriptors.inc"         ; gdt: null, CODE and DATA
        dw      LDT_BYTES - 1, ldt              ; the LDT is a segment too
        db      0, 0x82, 0, 0
gdt_end:

ldt:    dq      0
        dw      task_end - task - 1, task       ; code of the task
        db      0, 0x9A, 0x40, 0
task_data:
        descriptor OLD_BASE, SIZE - 1, 0x92, 0x4
        descriptor STACK_BASE, SIZE - 1, 0x92, 0x4
ldt_end:
LDT_BYTES equ ldt_end - ldt

idt:
idt_end:

gdt_register:   dw gdt_end - gdt - 1
                dd gdt
idt_register:   dw idt_end - idt - 1
                dd idt
