import { expect, it } from 'vitest';
import { labText } from './lab-text';

it('tells paragraphs from numbered steps', () => {
  expect(labText('What it is.\n1. Run.\n2. Look.\n\nAnd a question?')).toEqual([
    { kind: 'paragraph', text: 'What it is.' },
    { kind: 'steps', steps: ['Run.', 'Look.'] },
    { kind: 'paragraph', text: 'And a question?' },
  ]);
  expect(labText('1、运行。')).toEqual([{ kind: 'steps', steps: ['运行。'] }]);
});

it('takes no number for a step that is none', () => {
  expect(labText('3. of May').map(({ kind }) => kind)).toEqual(['paragraph']);
  expect(labText('1. One\n3. Three').map(({ kind }) => kind)).toEqual(['steps', 'paragraph']);
  expect(labText(' \n')).toEqual([]);
});
