; A device without a scatter list wants its mebibyte in one run. With 4 KiB pages that means 256 neighbouring frames, and the
; driver has to find them in its list of free frames.
;
; The list has one byte for each of 1024 frames from 0x0010_0000 on. The program itself, its list and its stack lie elsewhere.

bits 32
org 0x0080_0000

%define FRAMES     1024
%define WANTED     256
%define FIRST      0x0010_0000          ; address of frame 0 of the list
%define SEED       0x1000_0000

start:
        call    make_list
        call    find_run                ; EBX: number of the first frame
        mov     esi, none_text
        jc      last
        shl     ebx, 12
        add     ebx, FIRST
        mov     [found], ebx

        mov     edi, DMA_BAR
        mov     [edi + 0x10], ebx       ; address
        mov     dword [edi + 0x14], 0
        mov     dword [edi + 0x18], WANTED * 4096
        mov     dword [edi + 0x1C], SEED
        mov     dword [edi + 0x08], 1   ; start
.wait:  mov     eax, [edi + 0x04]
        test    al, 1
        jnz     .wait
        mov     esi, error_text
        test    al, 2
        jz      last

        ; every byte: word n must be SEED + n
        mov     eax, SEED
        mov     ecx, WANTED * 1024
.check: cmp     [ebx], eax
        jne     wrong
        add     ebx, 4
        inc     eax
        dec     ecx
        jnz     .check
        mov     esi, done_text
        jmp     last
wrong:  mov     esi, wrong_text
last:   call    print
        cli
        hlt

; All frames are free; FRAGMENTED takes every 200th, so that no run of 256 is left.
make_list:
        mov     edi, list
        mov     ecx, FRAMES
        xor     eax, eax
        rep     stosb
%if FRAGMENTED
        mov     edi, 100
.take:  mov     byte [list + edi], 1
        add     edi, 200
        cmp     edi, FRAMES
        jb      .take
%endif
        ret

; The first run of WANTED free frames. EBX: its first frame; carry set when there is none.
find_run:
        xor     ebx, ebx                ; where the run that is being counted begins
        xor     ecx, ecx                ; frame looked at
.next:  cmp     byte [list + ecx], 0
        je      .free
        lea     ebx, [ecx + 1]
        jmp     .on
.free:  mov     eax, ecx
        sub     eax, ebx
        cmp     eax, WANTED - 1
        je      .found
.on:    inc     ecx
        cmp     ecx, FRAMES
        jb      .next
        stc
        ret
.found: clc
        ret

%include "print.inc"                    ; print: the text at ESI to the serial port

done_text:      db '1 MiB in one run, every byte right', 10, 0
none_text:      db 'no 256 neighbouring frames are free', 10, 0
error_text:     db 'the device reports an error', 10, 0
wrong_text:     db 'a byte is wrong', 10, 0
                align 4
found:          dd 0
list:           times FRAMES db 0
