/* What a compiler makes of sorting (A), greatest common divisors (B: division) and matrices (C). Built by build.mjs where gcc is. */
typedef unsigned int u32;
static inline void out(unsigned port, unsigned char v) { __asm__ volatile("outb %0,%w1" ::"a"(v), "d"(port)); }
static void mark(unsigned char c) { out(0xe9, c); out(0x3f8, c); }
static void hex(u32 v) { for (int i = 28; i >= 0; i -= 4) mark("0123456789abcdef"[(v >> i) & 15]); }
static u32 seed = 12345;
static u32 rnd(void) { return seed = seed * 1664525u + 1013904223u; }
#define N 20000
static u32 *const a = (u32 *)0x400000;
static void quick(u32 *lo, u32 *hi) {
  while (lo < hi) {
    u32 p = lo[(hi - lo) / 2]; u32 *i = lo, *j = hi;
    while (i <= j) { while (*i < p) i++; while (*j > p) j--; if (i <= j) { u32 t = *i; *i++ = *j; *j-- = t; } }
    if (j - lo < hi - i) { quick(lo, j); lo = i; } else { quick(i, hi); hi = j; }
  }
}
static u32 gcd(u32 x, u32 y) { while (y) { u32 t = x % y; x = y; y = t; } return x; }
typedef int matrix_of[64][64];
/* at fixed addresses: nobody clears a .bss */
#define matrix (*(matrix_of *)0x500000)
#define other (*(matrix_of *)0x510000)
#define product (*(matrix_of *)0x520000)
__attribute__((noinline)) static u32 multiply(void) {
  for (int i = 0; i < 64; i++) for (int j = 0; j < 64; j++) { int s = 0; for (int k = 0; k < 64; k++) s += matrix[i][k] * other[k][j]; product[i][j] = s; }
  u32 h = 0; for (int i = 0; i < 64; i++) for (int j = 0; j < 64; j++) h = h * 31 + product[i][j]; return h;
}
void main(void) {
  mark('A');
  u32 h = 0;
  for (int r = 0; r < 20; r++) { for (int i = 0; i < N; i++) a[i] = rnd(); quick(a, a + N - 1); for (int i = 0; i < N; i += 97) h = h * 33 ^ a[i]; }
  hex(h);
  mark('B');
  h = 0; for (int i = 0; i < 400000; i++) h += gcd(rnd() >> 8, (rnd() >> 8) + 1);
  hex(h);
  mark('C');
  h = 0; for (int r = 0; r < 40; r++) { for (int i = 0; i < 64; i++) for (int j = 0; j < 64; j++) { matrix[i][j] = rnd() >> 20; other[i][j] = rnd() >> 20; } h ^= multiply(); }
  hex(h);
}
