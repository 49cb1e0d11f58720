; Real mode on an 8086: segment × 16 + offset, in 20 bits.
;
;   1. two different pairs of segment and offset are one byte
;   2. the offset has 16 bits: behind FFFF comes 0000 of the same segment
;   3. the sum has 20 bits: behind the last byte of the first MiB comes address 0

org 0x7C00
bits 16

%define COM1       0x3F8

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

; --- 3. the sum wraps ---------------------------------------------------------------------------------------------------
        mov     ax, 0xFFFF
        mov     es, ax
        mov     byte [es:0x0610], 'W'   ; 0xFFFF0 + 0x0610 = 0x100600: the 21st bit has no line
        mov     al, [0x0600]
        cmp     al, 'W'
        jne     stop
        mov     si, sum_text
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
sum_text:       db 'FFFF:0610 is 0000:0600', 10, 0
