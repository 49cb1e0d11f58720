; What firmware does before anything else, done again by a program: it asks each module over the SMBus what it is, adds up the
; sizes, and compares with the SMBIOS tables that the real firmware left at 0xF_0000.

bits 32
org 0x10_0000

%define SMBUS   0x0700                  ; host status, control, command, address, data 0: +0, +2, +3, +4, +5
%define SMBIOS  0xF_0000

%define SPD_BANKS_DENSITY 4             ; DDR3: bits 3-0: the chip's size, 256 Mbit << n
%define SPD_ORGANISATION  7             ; bits 5-3: ranks - 1, bits 2-0: the chip's width, 4 << n
%define SPD_BUS           8             ; bits 2-0: the bus width, 8 << n

start:
        xor     ebx, ebx                ; slot
        xor     ebp, ebp                ; mebibytes in all
next_slot:
        mov     al, 2                   ; the key byte: 0x0B is DDR3
        call    spd
        jc      empty
        cmp     al, 0x0B
        jne     broken
        mov     al, SPD_BANKS_DENSITY
        call    spd
        mov     cl, al
        and     cl, 15
        mov     edi, 32                 ; 256 Mbit are 32 MiB
        shl     edi, cl                 ; MiB of a chip
        mov     al, SPD_BUS
        call    spd
        mov     cl, al
        and     cl, 7
        shl     edi, cl
        shl     edi, 3                  ; times the bus width in bits ...
        mov     al, SPD_ORGANISATION
        call    spd
        mov     cl, al
        and     cl, 7
        shr     edi, cl
        shr     edi, 2                  ; ... divided by the chip's width: MiB of a rank
        shr     al, 3
        and     eax, 7
        inc     eax
        imul    eax, edi                ; times the ranks
        add     ebp, eax
        mov     esi, found_text
        jmp     tell
empty:  mov     esi, empty_text
tell:   call    print
        inc     ebx
        cmp     ebx, 4
        jb      next_slot
        mov     [0x0020_0000], ebp      ; the sum, for the checks

        ; the tables: anchor "_SM3_", then the address of the structures at offset 16; type 17 is a slot, its MiB at offset 12
        mov     esi, broken_text
        cmp     dword [SMBIOS], '_SM3'
        jne     last
        mov     edi, [SMBIOS + 16]
        xor     ebx, ebx                ; mebibytes in all slots
.structure:
        cmp     byte [edi], 127         ; the end of the table
        je      .sum
        cmp     byte [edi], 17
        jne     .skip
        movzx   eax, word [edi + 12]
        add     ebx, eax
.skip:  movzx   eax, byte [edi + 1]     ; behind the fields are texts, up to two zero bytes
        add     edi, eax
.texts: cmp     word [edi], 0
        lea     edi, [edi + 1]
        jne     .texts
        inc     edi
        jmp     .structure
.sum:   cmp     ebx, ebp
        jne     last
        mov     esi, agree_text
last:   call    print
        cli
        hlt
broken: mov     esi, broken_text
        jmp     last

; AL: offset in the SPD of slot EBX. Returns the byte in AL; carry set when nobody answers.
spd:
        push    ebx
        push    ecx
        mov     ah, al
        mov     edx, SMBUS
        mov     al, 0xFF
        out     dx, al                  ; clear the status
        mov     edx, SMBUS + 3
        mov     al, ah
        out     dx, al                  ; command: the offset
        mov     edx, SMBUS + 4
        lea     eax, [ebx * 2 + 0xA1]   ; address 0x50 + slot, read
        out     dx, al
        mov     edx, SMBUS + 2
        mov     al, 0x48                ; start, byte data
        out     dx, al
        mov     edx, SMBUS
.wait:  in      al, dx
        test    al, 6                   ; done, or nobody there
        jz      .wait
        test    al, 4
        jnz     .none
        mov     edx, SMBUS + 5
        in      al, dx
        pop     ecx
        pop     ebx
        clc
        ret
.none:  pop     ecx
        pop     ebx
        stc
        ret

%include "print.inc"                    ; print: the text at ESI to the serial port

found_text:     db 'DDR3', 10, 0
empty_text:     db 'empty', 10, 0
agree_text:     db 'SPD and SMBIOS agree', 10, 0
broken_text:    db 'not what was expected', 10, 0
