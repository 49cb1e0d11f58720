import { describe, expect, it } from 'vitest';
import { consoleLines } from './console-lines';

describe('console lines', () => {
  it('end at any kind of line break and carry their VM', () => {
    expect(consoleLines([{ vm: 'a', port: 'COM1', text: 'one\r\ntwo\nthr', earlier: 0 }])).toEqual([
      { vm: 'a', text: 'one' },
      { vm: 'a', text: 'two' },
      { vm: 'a', text: 'thr' },
    ]);
  });
  it('leave control characters out and have no empty last line', () => {
    expect(consoleLines([{ vm: null, port: 'e9', text: 'x\u0007y\n', earlier: 0 }])).toEqual([{ vm: null, text: 'xy' }]);
    expect(consoleLines([{ vm: null, port: 'e9', text: '', earlier: 0 }])).toEqual([]);
  });
  it('say what is not shown', () => {
    expect(consoleLines([{ vm: null, port: 'COM1', text: 'end', earlier: 5 }])).toEqual([
      { vm: null, text: '', earlier: 5 },
      { vm: null, text: 'end' },
    ]);
  });
});
