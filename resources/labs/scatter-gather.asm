; A device with a scatter list takes its mebibyte in pieces. It reads up to ENTRIES descriptors from memory: an address and a
; length each. With 16 entries, each piece must still be 64 KiB, which is 16 neighbouring frames; with 256 any frames will do.
;
; The list of free frames has every 20th frame taken, so runs of 19 are the longest.

bits 32
org 0x0080_0000

%define FRAMES  1024
%define FIRST   0x0010_0000             ; address of frame 0 of the list
%define TABLE   0x0070_0000             ; the descriptors
%define SEED    0x2000_0000
%define WANTED  256                     ; frames in all

start:
        mov     edi, DMA_BAR
        mov     eax, WANTED             ; frames of a piece: 256 / entries
        xor     edx, edx
        div     dword [edi + 0x0C]
        mov     [piece], eax

        ; every 20th frame is taken
        mov     ecx, 19
.take:  mov     byte [list + ecx], 1
        add     ecx, 20
        cmp     ecx, FRAMES
        jb      .take

        ; one piece after the other into the table
        xor     ebx, ebx                ; where the run that is being counted begins
        xor     ecx, ecx                ; frame looked at
        xor     ebp, ebp                ; pieces found
.next:  cmp     byte [list + ecx], 0
        jne     .taken
        lea     eax, [ecx + 1]
        sub     eax, ebx
        cmp     eax, [piece]
        jb      .on
        mov     edx, ebp
        shl     edx, 4
        mov     eax, ebx
        shl     eax, 12
        add     eax, FIRST
        mov     [TABLE + edx], eax
        mov     dword [TABLE + edx + 4], 0
        mov     eax, [piece]
        shl     eax, 12
        mov     [TABLE + edx + 8], eax
        mov     dword [TABLE + edx + 12], 0
        inc     ebp
        cmp     ebp, [edi + 0x0C]
        je      ready
.taken: lea     ebx, [ecx + 1]
.on:    inc     ecx
        cmp     ecx, FRAMES
        jb      .next
        mov     esi, none_text
        jmp     last

ready:  mov     dword [edi + 0x10], TABLE
        mov     dword [edi + 0x14], 0
        mov     [edi + 0x18], ebp       ; entries
        mov     dword [edi + 0x1C], SEED
        mov     dword [edi + 0x08], 1   ; start
.wait:  mov     eax, [edi + 0x04]
        test    al, 1
        jnz     .wait
        mov     esi, error_text
        test    al, 2
        jz      last

        ; every byte, piece by piece: word n of the whole must be SEED + n
        mov     eax, SEED
        mov     edx, TABLE
.piece: mov     ebx, [edx]
        mov     ecx, [edx + 8]
        shr     ecx, 2
.check: cmp     [ebx], eax
        jne     wrong
        add     ebx, 4
        inc     eax
        dec     ecx
        jnz     .check
        add     edx, 16
        dec     ebp
        jnz     .piece
        mov     esi, done_text
        jmp     last
wrong:  mov     esi, wrong_text
last:   call    print
        cli
        hlt

%include "print.inc"                    ; print: the text at ESI to the serial port

done_text:      db '1 MiB in pieces, every byte right', 10, 0
none_text:      db 'not enough pieces are free', 10, 0
error_text:     db 'the device reports an error', 10, 0
wrong_text:     db 'a byte is wrong', 10, 0
                align 4
piece:          dd 0
list:           times FRAMES db 0
