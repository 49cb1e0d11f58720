/** The 0xE9 console. */
import { describe, expect, it } from 'vitest';
import { DebugPort, DEBUG_OUTPUT_LIMIT } from './debug-port';

describe('debug port', () => {
  it('answers with its own number and keeps what is written', () => {
    const port = new DebugPort('debug');
    expect(port.regions).toEqual([{ name: 'data', kind: 'port', size: 1, base: 0xe9 }]);
    expect(port.read('data', 0, 1)).toBe(0xe9);
    for (const byte of [0x48, 0x69]) port.write('data', 0, 1, byte);
    expect([...port.output]).toEqual([0x48, 0x69]);
    const other = new DebugPort('debug');
    other.load(port.save());
    other.write('data', 0, 1, 0x21);
    expect(new TextDecoder().decode(other.output)).toBe('Hi!');
    other.reset();
    expect(other.output).toHaveLength(0);
  });

  it('keeps the newest bytes when a guest prints forever', () => {
    const port = new DebugPort('debug');
    for (let i = 0; i <= DEBUG_OUTPUT_LIMIT; i++) port.write('data', 0, 1, i & 0xff);
    expect(port.output.length).toBeLessThanOrEqual(DEBUG_OUTPUT_LIMIT);
    expect(port.output.at(-1)).toBe(DEBUG_OUTPUT_LIMIT & 0xff);
  });
});
