; Reads with strides of 64 bytes to 64 KiB, first from memory behind one channel, then from memory that two channels share
; block by block, and writes what it measured into a table: stride, MB/s from one channel, MB/s from two. An access moves one
; burst of 64 bytes whatever is used of it, so a stride of 64 uses every byte that is moved.

bits 32
org 0x0008_0000

%define LOADS   4096                    ; of one measurement
%define LAP     0x100_0000              ; 16 MiB, then 64 bytes further on

start:
        mov     edi, TABLE
        mov     ebx, 64
.stride:
        mov     [edi], ebx
        mov     ebp, ONE_CHANNEL
        call    measure
        mov     [edi + 4], eax
        mov     ebp, TWO_CHANNELS
        call    measure
        mov     [edi + 8], eax
        call    report
        add     edi, 12
        shl     ebx, 1
        cmp     ebx, 0x1_0000
        jbe     .stride

        ; the verdict: what the second channel is worth at two strides
        mov     edi, TABLE              ; 64 bytes: neighbouring blocks lie on different channels
        mov     esi, first_text
        call    judge
        mov     edi, TABLE + 12         ; 128 bytes: every block lies on the same one
        mov     esi, second_text
        call    judge
        cli
        hlt

; EAX: MB/s of LOADS loads from EBP on, EBX bytes apart.
measure:
        push    edi
        mov     edx, ebx
        add     edx, ebx
        add     edx, ebx
        mov     edi, edx                ; three strides
        mov     ecx, LOADS / 8
        xor     esi, esi                ; where in the lap
        rdtsc
        mov     [began], eax
.next:  lea     edx, [ebp + esi]
        mov     eax, [edx]
        mov     eax, [edx + ebx]
        mov     eax, [edx + ebx * 2]
        mov     eax, [edx + edi]
        lea     edx, [edx + ebx * 4]
        mov     eax, [edx]
        mov     eax, [edx + ebx]
        mov     eax, [edx + ebx * 2]
        mov     eax, [edx + edi]
        lea     esi, [esi + ebx * 8]
        test    esi, LAP
        jz      .on
        sub     esi, LAP - 64
.on:    dec     ecx
        jnz     .next
        rdtsc
        sub     eax, [began]
        mov     ecx, eax
        mov     eax, LOADS * 64 * 1000 / 8      ; bytes × 1000 / ns = MB/s; both are divided by 8, so that it fits
        xor     edx, edx
        shr     ecx, 3
        div     ecx
        pop     edi
        ret

; One line of the table at EDI.
report:
        mov     esi, stride_text
        call    print
        mov     eax, [edi]
        call    number
        mov     esi, one_text
        call    print
        mov     eax, [edi + 4]
        call    number
        mov     esi, two_text
        call    print
        mov     eax, [edi + 8]
        call    number
        mov     esi, unit_text
        jmp     print

; Prints ESI and how many times as fast two channels are at the table's row EDI.
judge:
        call    print
        mov     eax, [edi + 8]
        mov     ecx, 10
        mul     ecx
        mov     ecx, [edi + 4]
        shr     ecx, 1
        add     eax, ecx                ; rounded
        mov     ecx, [edi + 4]
        div     ecx
        xor     edx, edx
        mov     ecx, 10
        div     ecx
        push    edx
        call    number
        mov     al, '.'
        call    put
        pop     eax
        call    number
        mov     al, 10
        jmp     put

%include "numbers.inc"                  ; number, put and print: to the serial port

stride_text:    db 'stride ', 0
one_text:       db ': one channel ', 0
two_text:       db ', two ', 0
unit_text:      db ' MB/s', 10, 0
first_text:     db 'times as fast at 64: ', 0
second_text:    db 'times as fast at 128: ', 0
                align 4
began:          dd 0
