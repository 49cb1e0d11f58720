; Real mode: segment × 16 + offset, in 20 bits, and the gate at the 21st.
;
;   1. two different pairs of segment and offset are one byte
;   2. the offset has 16 bits: behind FFFF comes 0000 of the same segment
;   3. the A20 gate closed, as on an 8086: behind the last byte of the first MiB comes address 0
;   4. the gate open: the sum has 21 bits, and real mode reaches 65 520 bytes above 1 MiB

org 0x7C00
bits 16

%define COM1       0x3F8
%define CONTROL_A  0x92                 ; system control port A of AT-class boards …
%define A20        2                    ; … whose bit 1 lets address line 20 through

start:
        cli
        xor     ax, ax
        mov     ds, ax
        mov     ss, ax
        mov     sp, start

; --- 1. one byte, two names ---------------------------------------------------------------------------------------------
        mov     ax, 0x1234
        mov     es, ax
        mov     byte [es:0x0010], 'A'   ; 0x12340 + 0x0010 = 0x12350
        mov     ax, 0x1235
        mov     es, ax
        mov     al, [es:0x0000]         ; 0x12350 + 0x0000 = 0x12350
        cmp     al, 'A'
        jne     stop
        mov     si, same_text
        call    print

; --- 2. the offset wraps ------------------------------------------------------------------------------------------------
        mov     ax, 0x2000
        mov     es, ax
        mov     bx, 0xFFFF
        mov     byte [es:bx], 'E'       ; 0x2FFFF, the last byte of the segment
        inc     bx                      ; 0x0000
        mov     byte [es:bx], 'S'       ; 0x20000, its first one, and not 0x30000
        mov     si, offset_text
        call    print

; --- 3. gate closed: the sum wraps ---------------------------------------------------------------------------------------
        in      al, CONTROL_A
        and     al, ~A20 & 0xFF
        out     CONTROL_A, al
        mov     ax, 0xFFFF
        mov     es, ax
        mov     byte [es:0x0610], 'W'   ; 0xFFFF0 + 0x0610 = 0x100600: line 20 is held at 0, so 0x00600
        mov     al, [0x0600]
        cmp     al, 'W'
        jne     stop
        mov     si, closed_text
        call    print

; --- 4. gate open: it does not ------------------------------------------------------------------------------------------
        in      al, CONTROL_A
        or      al, A20
        out     CONTROL_A, al
        mov     byte [es:0x0611], 'H'   ; 0x100601, above the first MiB
        mov     al, [0x0601]
        cmp     al, 'H'
        je      stop
        mov     si, open_text
        call    print
stop:   cli
        hlt

; Writes the text at SI, up to its zero byte, to the serial port.
print:
        mov     dx, COM1
.next:  lodsb
        test    al, al
        jz      .done
        out     dx, al
        jmp     .next
.done:  ret

same_text:      db '1234:0010 is 1235:0000', 10, 0
offset_text:    db 'the offset wraps in its segment', 10, 0
closed_text:    db 'A20 closed: FFFF:0610 is 0000:0600', 10, 0
open_text:      db 'A20 open: FFFF:0611 is above 1 MiB', 10, 0
