/** The exit port. */
import { describe, expect, it } from 'vitest';
import { ExitPort } from './exit-port';

describe('exit port', () => {
  it('remembers the first value written', () => {
    const port = new ExitPort('exit');
    expect(port.exitValue).toBeNull();
    expect(port.read('value', 0, 4)).toBe(0xffffffff);
    port.write('value', 0, 1, 3);
    port.write('value', 0, 1, 0);
    expect(port.exitValue).toBe(3);
    const other = new ExitPort('exit');
    other.load(port.save());
    expect(other.exitValue).toBe(3);
    other.reset();
    expect(other.exitValue).toBeNull();
  });
});
