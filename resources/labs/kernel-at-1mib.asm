; A kernel for 1 MiB: an ELF file with two segments and a bss, written out by hand so that every number in it can be seen.
;
; The firmware's loader knows nothing but this header. It copies the bytes of each segment from the file to the address the
; segment is linked for, zeroes what the segment has in memory beyond the file (the bss), and jumps to the entry. All addresses
; in the code were fixed when it was assembled: it works only where it was linked.

bits 32

%define LINK  0x10_0000                 ; where the kernel is linked to load: 1 MiB
%define PAGE  0x1000
%define COUNTERS 1024                   ; 32-bit words in the bss

org LINK - PAGE                         ; the file begins with a page of headers, which is not loaded

; --- the ELF header (52 bytes) ------------------------------------------------------------------------------------------
file:
        db      0x7F, 'ELF'             ; magic
        db      1, 1, 1, 0              ; 32 bits, little-endian, version 1, System V
        times 8 db 0
        dw      2                       ; type: executable
        dw      3                       ; machine: 386
        dd      1                       ; version
        dd      kernel                  ; entry
        dd      headers - file          ; program headers: offset
        dd      0                       ; section headers: none
        dd      0                       ; flags
        dw      52                      ; size of this header
        dw      32                      ; size of one program header
        dw      2                       ; how many
        dw      0, 0, 0                 ; sections: none

; --- the program headers: what to load, and where -----------------------------------------------------------------------
headers:
        ; segment 1: code, read and execute
        dd      1                       ; PT_LOAD
        dd      code - file             ; offset in the file
        dd      code, code              ; linear and physical address
        dd      code_end - code         ; bytes in the file
        dd      code_end - code         ; bytes in memory
        dd      5                       ; R + E
        dd      PAGE

        ; segment 2: data, and behind it the bss, which has no bytes in the file
        dd      1
        dd      data - file
        dd      data, data
        dd      data_end - data
        dd      bss_end - data
        dd      6                       ; R + W
        dd      PAGE

; --- segment 1 ----------------------------------------------------------------------------------------------------------
        align   PAGE, db 0
code:
kernel:
        mov     esp, stack_top          ; the stack is part of the bss
        mov     eax, [magic]            ; data came from the file …
        cmp     eax, 0x6C656E6B
        jne     broken
        mov     edi, counters           ; … and the bss must be zero
        mov     ecx, COUNTERS
        xor     eax, eax
        repe    scasd
        jne     broken
        mov     dword [counters], 0x1234_5678
        mov     esi, ready_text
        call    print
        cli
        hlt

broken: mov     esi, broken_text
        call    print
        ud2                             ; there is no handler: the processor gives up

%include "print.inc"                    ; print: the text at ESI to the serial port
code_end:

; --- segment 2 ----------------------------------------------------------------------------------------------------------
        align   PAGE, db 0
data:
magic:          db 'knel'
ready_text:     db 'kernel at 1 MiB: data loaded, bss zeroed', 10, 0
broken_text:    db 'kernel: not loaded as linked', 10, 0
data_end:

; --- bss: addresses only ------------------------------------------------------------------------------------------------
absolute data_end
        alignb  16
counters:       resd COUNTERS
stack:          resb 4096
stack_top:
bss_end:
