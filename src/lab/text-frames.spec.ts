import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeAnswer, decodeText, encodeText } from './text-frames';

describe('text frames', () => {
  it('carries calls with bytes in them', () => {
    fc.assert(
      fc.property(fc.nat(), fc.string(), fc.uint8Array({ maxLength: 100 }), (id, text, bytes) => {
        const call = { id, method: 'save', args: [{ text, files: { 'a.bin': bytes } }] };
        expect(decodeText(encodeText(call))).toEqual(call);
      }),
    );
  });

  it('carries a large file', () => {
    const bytes = new Uint8Array(200_000).map((_, i) => i);
    expect(decodeAnswer(encodeText({ id: 1, result: bytes }))).toEqual({ id: 1, result: bytes });
  });

  it.each([
    '',
    'null',
    '5',
    '{}',
    '{"id":1}',
    '{"id":"1","method":"x","args":[]}',
    '{"id":1,"method":2,"args":[]}',
    '{"id":1,"method":"x","args":{}}',
  ])('refuses %s', (text) => {
    expect(() => decodeText(text)).toThrow();
  });
});
