; Makes code, runs it until it is hot, shows it at another linear address, and begins again with other code in another page.
; Pages that keep being overwritten so are compiled later each time, so one round in LONG goes on until even they are.
%include "common.inc"
%define PAGES 256
%define LONG 32
main:
    xor ebp,ebp
.round:
    mov edi,ebp                 ; page of this round
    and edi,PAGES-1
    shl edi,12
    add edi,DATA
    mov edx,edi
    mov ecx,128                 ; so many writes make it a page of data again
    mov eax,ebp
    cld
    rep stosd
    mov edi,edx
    mov byte [edi],0xB8         ; mov eax,ebp; xor eax,ecx; ret
    mov [edi+1],ebp
    mov word [edi+5],0xC831
    mov byte [edi+7],0xC3
    mov ecx,1000
    test ebp,LONG-1
    jnz .here
    mov ecx,40000
.here:
    call edi
    add ebx,eax
    dec ecx
    jnz .here
    mov eax,ebp                 ; the same frame elsewhere
    and eax,1023
    lea esi,[PT0+(BIG>>12)*4+eax*4]
    or edx,3
    mov [esi],edx
    shl eax,12
    add eax,BIG
    invlpg [eax]
    mov edi,eax
    mov ecx,1000
.there:
    call edi
    add ebx,eax
    dec ecx
    jnz .there
    test ebp,15
    jnz .next
    mov eax,cr3
    mov cr3,eax
.next:
    inc ebp
    test ebp,0xFFFF
    jnz .round
    mov eax,ebx
    call puthex
    ret
endimage
