; Two VMs, each from zero.
;
; Both VMs run this program. Each believes it is alone in a computer whose memory begins at 0, writes its own mark to the same
; addresses, lets the other VM run, and finds its own mark again. NAME is given by the lab: 'A' or 'B'.

bits 32
org 0x10_0000

%define SHARED_NUMBER 0x20_0000         ; the guest-physical address both write to
%define PAGES         512               ; and one mark at the start of each page behind it
%define PAGE          0x1000
%define COM1          0x3F8
%define ROUNDS        4

start:
        ; Write: page n holds the VM's letter above n.
        mov     edi, SHARED_NUMBER
        xor     ecx, ecx
write:  mov     eax, ecx
        or      eax, NAME << 24
        mov     [edi], eax
        add     edi, PAGE
        inc     ecx
        cmp     ecx, PAGES
        jb      write

        ; Wait long enough that the VMM gives the processor to the other VM, and back, several times.
        mov     edx, ROUNDS
wait_round:
        mov     ecx, 10_000
wait_loop:
        loop    wait_loop
        dec     edx
        jnz     wait_round

        ; Read back: was anybody else here?
        mov     edi, SHARED_NUMBER
        xor     ecx, ecx
read:   mov     eax, ecx
        or      eax, NAME << 24
        cmp     [edi], eax
        jne     foreign
        add     edi, PAGE
        inc     ecx
        cmp     ecx, PAGES
        jb      read

        mov     esi, own_text
        jmp     tell
foreign:
        mov     esi, foreign_text
tell:   mov     edx, COM1
        mov     al, NAME
        out     dx, al
.next:  lodsb
        test    al, al
        jz      .done
        out     dx, al
        jmp     .next
.done:  cli
        hlt

own_text:       db ': every page holds my own mark', 10, 0
foreign_text:   db ': a page holds a foreign mark', 10, 0
