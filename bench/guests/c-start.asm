; The start of a guest written in C: the same preparations, then main.
extern main
%include "common.inc"
