; The victim. Its whole program is one row of DRAM: 8 KiB at the very end of its memory, so that the next row is the
; attacker's. It waits without touching memory, then looks whether its table still is what it was.

bits 32
org 0x03FF_E000

%define COM1    0x3F8
%define WORDS   (0x2000 - 0x200) / 4
%define PATTERN 0xA3A3_A3A3

start:
        mov     ecx, 400_000
.wait:  dec     ecx
        jnz     .wait

        mov     ecx, WORDS
        mov     ebx, table
.look:  cmp     dword [ebx], PATTERN
        jne     wrong
        add     ebx, 4
        dec     ecx
        jnz     .look
        mov     esi, right_text
        call    print
        cli
        hlt

wrong:  mov     esi, wrong_text
        call    print
        mov     eax, [ebx]
        mov     ecx, 8
.digit: rol     eax, 4
        push    eax
        and     al, 0x0F
        add     al, '0'
        cmp     al, '9'
        jbe     .put
        add     al, 'A' - '0' - 10
.put:   call    put
        pop     eax
        loop    .digit
        mov     al, 10
        call    put
        cli
        hlt

; The text at ESI, up to its zero byte.
print:
        lodsb
        test    al, al
        jz      .done
        call    put
        jmp     print
.done:  ret

put:    mov     dx, COM1
        out     dx, al
        ret

right_text:     db 'victim: every word is as it was', 10, 0
wrong_text:     db 'victim: a word has changed, it reads ', 0
                times 0x200 - ($ - $$) db 0
table:          times WORDS dd PATTERN
