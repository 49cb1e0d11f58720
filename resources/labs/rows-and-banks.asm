; The same 16,384 words of three DIMMs, read in three orders. What differs is which row of which bank is open when an access
; comes: the order decides whether it is a hit, a miss or a conflict, and how long it takes.
;
; The module: 8 banks, rows of 8 KiB. With the order RoBaRaCoCh an address is, from the top: row, bank, column.
;   0x0000 to 0x1FFF   columns of one row
;   0x2000             the same row of the next bank
;   0x1_0000           the next row of the same bank

bits 32
org 0x0008_0000

%define COUNT   16384                   ; accesses of a pass

start:
        ; A1, word after word: the row stays open
        mov     edi, A1_BASE
        mov     ebx, 64
        mov     ebp, 0x10_0000
        call    pass
        mov     esi, along_text
        call    report

        ; A2, row after row of one bank: each access closes the row before
        mov     edi, A2_BASE
        mov     ebx, ROW_STRIDE
        mov     ebp, 0x10_0000
        call    pass
        mov     esi, across_text
        call    report

        ; B1, the same row of all eight banks in turn: each bank keeps its row open
        mov     edi, B1_BASE
        mov     ebx, 0x2000
        mov     ebp, 0x1_0000
        call    pass
        mov     esi, banks_text
        call    report
        cli
        hlt

; Reads COUNT words from EDI on, EBX bytes apart, in laps of EBP bytes; each lap begins 64 bytes further along the row.
; EAX: ticks it took.
pass:
        rdtsc
        mov     [began], eax
        mov     ecx, COUNT / 4
        xor     esi, esi                ; where the lap began
        xor     edx, edx
.next:  mov     eax, [edi + edx]
        add     edx, ebx
        mov     eax, [edi + edx]
        add     edx, ebx
        mov     eax, [edi + edx]
        add     edx, ebx
        mov     eax, [edi + edx]
        add     edx, ebx
        cmp     edx, ebp
        jb      .on
        add     esi, 64
        and     esi, 0x1FC0
        mov     edx, esi
.on:    dec     ecx
        jnz     .next
        rdtsc
        sub     eax, [began]
        ret

; Prints the text at ESI and EAX / COUNT with one digit behind the point: nanoseconds for one access.
report:
        mov     ecx, 10
        mul     ecx
        mov     ecx, COUNT
        div     ecx
        push    eax
        call    print
        pop     eax
        xor     edx, edx
        mov     ecx, 10
        div     ecx                     ; EAX whole, EDX tenths
        push    edx
        call    number
        mov     al, '.'
        call    put
        pop     eax
        call    number
        mov     esi, unit_text
        jmp     print

%include "numbers.inc"                  ; number, put and print: to the serial port

along_text:     db 'along a row:    ', 0
across_text:    db 'across rows:    ', 0
banks_text:     db 'across banks:   ', 0
unit_text:      db ' ns an access', 10, 0
                align 4
began:          dd 0
