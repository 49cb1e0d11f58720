; Two DIMMs answer the same 128 MiB. In this lab's model whatever is written there reaches both, and what is read is the AND of
; both. The two cells are not at the same place in their DIMMs, but a program cannot tell: it sees one address, and one value.

bits 32
org 0x10_0000

%define SHARED 0x0800_0000              ; A1 and B1 both answer from here on

start:
        ; through the shared window: both get the same, so the AND changes nothing
        mov     dword [SHARED], 0xCAFE_F00D
        mov     esi, same_text
        cmp     dword [SHARED], 0xCAFE_F00D
        jne     broken
        call    print

        ; behind the overlap A1 has ended: only B1 answers, like any DIMM
        mov     dword [SHARED + 0x0800_0000], 0x1234_5678
        mov     esi, alone_text
        cmp     dword [SHARED + 0x0800_0000], 0x1234_5678
        jne     broken
        call    print
        cli
        hlt

broken: mov     esi, broken_text
        call    print
        cli
        hlt

%include "print.inc"                    ; print: the text at ESI to the serial port

same_text:      db 'both DIMMs took the write, and agree', 10, 0
alone_text:     db 'behind the overlap one answers alone', 10, 0
broken_text:    db 'not what was expected', 10, 0
