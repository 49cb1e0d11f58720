; The victim: keeps a secret in one page, works on other pages, and looks again and again whether the secret is as it was.
;
; Working on many pages makes the processor forget translations, so it has to walk the VM's tables again: if somebody has
; overwritten one of them, this is where it shows.

bits 32
org 0x4000

%define SECRET_PAGE 0x5000
%define PAGE        0x1000
%define WORK        0x20_0000
%define WORK_PAGES  1024            ; more than the TLB holds
%define ROUNDS      16
%define COM1        0x3F8

start:
        call    checksum
        mov     ebp, eax                ; what the secret adds up to now
        mov     edx, ROUNDS
round:
        mov     edi, WORK               ; one word in each of many pages
        mov     ecx, WORK_PAGES
work:   inc     dword [edi]
        add     edi, PAGE
        loop    work
        call    checksum
        cmp     eax, ebp
        jne     changed
        dec     edx
        jnz     round

        mov     esi, intact_text
        jmp     tell
changed:
        mov     esi, changed_text
tell:   mov     edx, COM1
.next:  lodsb
        test    al, al
        jz      .done
        out     dx, al
        jmp     .next
.done:  cli
        hlt

; EAX: sum of the secret's words
checksum:
        mov     esi, SECRET_PAGE
        mov     ecx, 16
        xor     eax, eax
.next:  add     eax, [esi]
        add     esi, 4
        loop    .next
        ret

intact_text:    db 'my page is as I left it', 10, 0
changed_text:   db 'somebody has changed my page', 10, 0

        times SECRET_PAGE - 0x4000 - ($ - $$) db 0
secret:         db 'the key is under the mat', 0
        times PAGE - ($ - secret) db 0
