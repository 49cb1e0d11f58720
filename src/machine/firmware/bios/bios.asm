; The services that the firmware leaves in the F000 segment for programs in real mode: what a PC's BIOS answers to INT n, as far
; as there is something behind it on this machine. Anything else returns with CF set and AH = 86h (no such function).
;
; The firmware copies this image into the shadow RAM at F000:F000, fills in what it knows of the machine under `machine_data`, and
; points the interrupt vectors at the labels that begin with `int` (bios-services.ts). It is assembled by the lab's own assembler
; into bios-image.ts: after a change run `npx vitest run src/machine/firmware/bios -u`.
;
; All of it is 8086 code but what follows the check of `features` in `int15`.

bits 16
org 0xF000

%define SMAP           0x534D4150       ; 'SMAP' as INT 15h AX=E820h has it in EDX and EAX
%define ENTRY          24               ; bytes of an entry: base, length, type, extended attributes
%define SHORT_ENTRY    20               ; the same without the attributes, for callers from before ACPI 3
%define BIOS_DATA      0x40             ; segment
%define EQUIPMENT      0x10             ; words of it
%define MEMORY_SIZE    0x13
%define CURSOR         0x50
%define TEXT_MEMORY    0xB800           ; segment of the VGA's text page
%define COLUMNS        80
%define ROWS           25
%define BLANK          0x0720           ; grey on black
%define CONTROL_A      0x92             ; bit 1: the A20 gate
%define HAS_386        1
%define HAS_A20_GATE   2
%define HAS_SCREEN     4
%define LINE_STATUS    5                ; of the serial port
%define CAN_SEND       0x20

        db      'Pagewalk firmware', 0

        align   4
machine_data:
map_count:      dd 0                    ; entries of the memory map
map_offset:     dw 0                    ; where it lies in this segment
extended_kib:   dw 0                    ; KiB in one piece from 1 MiB, at most 63 MiB
low_kib:        dw 0                    ; the same, at most up to 16 MiB
high_blocks:    dw 0                    ; blocks of 64 KiB in one piece from 16 MiB, below 4 GiB
serial_port:    dw 0                    ; 0: none
features:       db 0

; Vectors without a handler of their own. After a fault the program executes the same instruction again, as under a PC's BIOS.
int_none:
        iret

; Hardware interrupts that no program has taken over: told to the interrupt controllers, and forgotten.
int_slave:
        push    ax
        mov     al, 0x20
        out     0xA0, al
        jmp     acknowledge
int_master:
        push    ax
        mov     al, 0x20
acknowledge:
        out     0x20, al
        pop     ax
        iret

; There is nothing else to start from.
int18:
        cli
        hlt
        jmp     int18

; Equipment word in AX.
int11:
        push    ds
        mov     ax, BIOS_DATA
        mov     ds, ax
        mov     ax, [EQUIPMENT]
        pop     ds
        iret

; KiB of memory from 0 in AX.
int12:
        push    ds
        mov     ax, BIOS_DATA
        mov     ds, ax
        mov     ax, [MEMORY_SIZE]
        pop     ds
        iret

; No keyboard: no key is waiting either (ZF).
int16:
        push    bp
        mov     bp, sp
        or      byte [bp + 6], 0x41
        pop     bp
        mov     ah, 0x86
        iret

; Returns with CF set and AH = 86h.
int_unsupported:
unsupported:
        push    bp
        mov     bp, sp
        or      byte [bp + 6], 1
        pop     bp
        mov     ah, 0x86
        iret

; Returns with CF clear.
success:
        push    bp
        mov     bp, sp
        and     byte [bp + 6], 0xFE
        pop     bp
        iret

; --- INT 15h: memory, and the A20 gate ----------------------------------------------------------

int15:
        test    byte [cs:features], HAS_386
        jz      unsupported
        cmp     ax, 0xE820
        je      memory_map
        cmp     ax, 0xE801
        je      memory_sizes
        cmp     ah, 0x88
        je      extended_memory
        cmp     ah, 0x24
        je      a20_gate
        jmp     unsupported

; AX=E820h: entry EBX of the map to ES:DI. Returns the number of the next one in EBX, 0 after the last, and the bytes in ECX.
memory_map:
        cmp     edx, SMAP
        jne     unsupported
        cmp     ecx, SHORT_ENTRY
        jb      unsupported
        cmp     ebx, [cs:map_count]
        jae     unsupported
        push    si
        push    di
        push    ds
        push    cs
        pop     ds
        cld
        imul    si, bx, ENTRY
        add     si, [map_offset]
        cmp     ecx, ENTRY
        mov     ecx, ENTRY
        jae     .copy
        mov     ecx, SHORT_ENTRY
.copy:  push    cx
        rep     movsb
        pop     cx
        inc     ebx
        cmp     ebx, [map_count]
        jb      .more
        xor     ebx, ebx
.more:  pop     ds
        pop     di
        pop     si
        mov     eax, SMAP
        jmp     success

; AX=E801h: KiB from 1 MiB in AX and CX, blocks of 64 KiB from 16 MiB in BX and DX.
memory_sizes:
        mov     ax, [cs:low_kib]
        mov     cx, ax
        mov     bx, [cs:high_blocks]
        mov     dx, bx
        jmp     success

; AH=88h: KiB from 1 MiB in AX.
extended_memory:
        mov     ax, [cs:extended_kib]
        jmp     success

; AX=2400h closes the gate, 2401h opens it, 2402h tells in AL whether it is open, 2403h tells in BX how it is reached (bit 1: port 92h).
a20_gate:
        test    byte [cs:features], HAS_A20_GATE
        jz      unsupported
        cmp     al, 3
        ja      unsupported
        je      .how
        cmp     al, 2
        je      .state
        push    ax
        mov     ah, al
        shl     ah, 1
        in      al, CONTROL_A
        and     al, 0xFD
        or      al, ah
        out     CONTROL_A, al
        pop     ax
.done:  mov     ah, 0
        jmp     success
.state: in      al, CONTROL_A
        shr     al, 1
        and     al, 1
        jmp     .done
.how:   mov     bx, 2
        jmp     .done

; --- INT 10h: AH=0Eh writes the character in AL to the serial port, and to the screen where there is one ---

int10:
        cmp     ah, 0x0E
        je      teletype
        jmp     unsupported
teletype:
        push    dx
        mov     dx, [cs:serial_port]
        test    dx, dx
        jz      .sent
        push    ax
        add     dx, LINE_STATUS
.wait:  in      al, dx
        test    al, CAN_SEND
        jz      .wait
        pop     ax
        sub     dx, LINE_STATUS
        out     dx, al
.sent:  test    byte [cs:features], HAS_SCREEN
        jz      .done
        call    show
.done:  pop     dx
        jmp     success

; Shows AL at the cursor (column in the low byte, row in the high byte) and moves it.
show:
        push    ax
        push    bx
        push    cx
        push    si
        push    di
        push    ds
        push    es
        mov     bx, BIOS_DATA
        mov     ds, bx
        mov     bx, TEXT_MEMORY
        mov     es, bx
        mov     dx, [CURSOR]
        cmp     al, 7                   ; bell
        je      .moved
        cmp     al, 8                   ; backspace
        je      .back
        cmp     al, 10
        je      .feed
        cmp     al, 13
        je      .return
        mov     bl, al
        mov     al, COLUMNS
        mul     dh
        add     al, dl
        adc     ah, 0
        mov     di, ax
        shl     di, 1
        mov     al, bl
        mov     ah, BLANK >> 8
        mov     [es:di], ax
        inc     dl
        cmp     dl, COLUMNS
        jb      .moved
        mov     dl, 0
.feed:  inc     dh
        cmp     dh, ROWS
        jb      .moved
        call    scroll
        dec     dh
        jmp     .moved
.back:  test    dl, dl
        jz      .moved
        dec     dl
        jmp     .moved
.return:
        mov     dl, 0
.moved: mov     [CURSOR], dx
        pop     es
        pop     ds
        pop     di
        pop     si
        pop     cx
        pop     bx
        pop     ax
        ret

; Every line of ES moves up by one; the last one is empty. Changes AX, CX, SI and DI.
scroll:
        push    ds
        push    es
        pop     ds
        cld
        mov     si, COLUMNS * 2
        xor     di, di
        mov     cx, COLUMNS * (ROWS - 1)
        rep     movsw
        mov     ax, BLANK
        mov     cx, COLUMNS
        rep     stosw
        pop     ds
        ret
