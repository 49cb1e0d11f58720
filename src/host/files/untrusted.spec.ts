import { describe, expect, it } from 'vitest';
import { ShellFailure } from './shell-error';
import { documentState, labContent, labPath, languageOf, settingsOf, shortText } from './untrusted';

describe('arguments from the window', () => {
  it('takes a lab apart', () => {
    expect(labContent({ path: '/home/x/a.lab.yaml', name: 'a/b', yaml: 'x', files: { 'p.asm': 'hlt' } })).toEqual({
      path: '/home/x/a.lab.yaml',
      name: 'a-b',
      yaml: 'x',
      files: { 'p.asm': 'hlt' },
    });
  });

  it.each([
    ['no object', null],
    ['no text', { name: 'a', yaml: 5 }],
    ['a file that leads out', { name: 'a', yaml: '', files: { '../x': '' } }],
    ['an absolute file', { name: 'a', yaml: '', files: { '/etc/x': '' } }],
    ['a file that is a number', { name: 'a', yaml: '', files: { x: 5 } }],
    ['a relative path', { path: 'x.lab.yaml', name: 'a', yaml: '' }],
    ['a path that is no lab', { path: '/bin/sh', name: 'a', yaml: '' }],
  ])('refuses %s', (_what, value) => {
    expect(() => labContent(value)).toThrow(TypeError);
  });

  it('refuses a lab that has grown too large in words for its user', () => {
    expect(() => labContent({ name: 'a', yaml: 'x'.repeat(6_000_000) })).toThrow(ShellFailure);
    expect(() => labContent({ name: 'a', yaml: '', files: { 'big.bin': new Uint8Array(70 * 1024 ** 2) } })).toThrow(/big\.bin .*64 MiB/);
  });

  it('refuses paths, texts and settings of the wrong kind', () => {
    for (const path of [undefined, 'x.yaml', '/etc/passwd', `/${'x'.repeat(5000)}.yaml`]) expect(() => labPath(path)).toThrow(TypeError);
    expect(() => shortText('x'.repeat(201))).toThrow(TypeError);
    expect(() => settingsOf([])).toThrow(TypeError);
    expect(() => documentState({ name: 5 })).toThrow(TypeError);
    expect(languageOf('fr')).toBe('en');
  });
});
