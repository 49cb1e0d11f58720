/** The three ways to lose a worker, on purpose: the test build's only. */

export async function misbehave(how: 'exit' | 'hang' | 'heap'): Promise<void> {
  if (how === 'exit') process.exit(1);
  if (how === 'hang') {
    for (;;) Math.sqrt(2);
  }
  const hoard: number[][] = [];
  for (;;) {
    // objects of the JavaScript heap, with a breath in between so that it is the heap that ends the worker
    for (let i = 0; i < 8; i++) hoard.push(Array.from({ length: 128 * 1024 }, (_, n) => n + 0.5));
    await new Promise((resolve) => setImmediate(resolve));
  }
}
