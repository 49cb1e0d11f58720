; EAX, AX, AL or its low digit in hexadecimal. Needs the macro `put`, which start.asm has.
hex32: push eax
  shr eax,16
  call hex16
  pop eax
hex16: push eax
  shr eax,8
  call hex8
  pop eax
hex8: push eax
  shr eax,4
  call hex4
  pop eax
hex4: push eax
  and al,15
  add al,'0'
  cmp al,'9'
  jbe .o
  add al,7
.o: put
  pop eax
  ret
