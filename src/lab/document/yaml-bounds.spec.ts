import { describe, expect, it } from 'vitest';
import { MOST_ITEMS, tooLarge } from './yaml-bounds';

const list = (count: number, item: string): string => item.repeat(count);

describe('the size of a YAML text', () => {
  it('lets lists of the largest size pass, in brackets and by dashes', () => {
    expect(tooLarge(`slots: [${list(MOST_ITEMS - 1, 'a,')}a]\n`)).toBeUndefined();
    expect(tooLarge(`slots:\n${list(MOST_ITEMS, '  - { id: a }\n')}`)).toBeUndefined();
  });

  it('names the list that is too long, and where it begins', () => {
    const flow = `a: [1, 2]\nslots: [${list(MOST_ITEMS, '{id: x, base: 0},')}a]\n`;
    expect(tooLarge(flow)).toEqual({ kind: 'list', key: 'slots', start: flow.indexOf('[{') });
    const block = `a: [1, 2]\nslots:\n${list(MOST_ITEMS + 1, '- id: x\n  base: 0\n  more: [1, 2]\n')}`;
    expect(tooLarge(block)).toEqual({ kind: 'list', key: 'slots', start: block.indexOf('- id') });
  });

  it('counts the lists of one column apart', () => {
    const text = list(20, `key:\n${list(MOST_ITEMS / 10, '  - a\n')}`);
    expect(tooLarge(text)).toBeUndefined();
    expect(tooLarge(list(20, `key:\n${list(MOST_ITEMS / 10, '- a\n')}`))).toBeUndefined();
  });

  it('takes a program inside the file for one word, and many words for too many', () => {
    expect(tooLarge(`files:\n  a.asm: |\n${list(30_000, '    - x: [1, 2\n')}`)).toBeUndefined();
    expect(tooLarge(list(65_000, 'a: b\n'))).toEqual({ kind: 'file' });
  });
});
