import { describe, expect, it } from 'vitest';
import { loadLab } from '../../lab/document/load';
import { NEW_LAB_FILES, NEW_LAB_YAML } from '../stores/new-lab';
import { archiveLab, labFromFiles } from './lab-archive';

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('a lab in one file', () => {
  it('carries its programs inline, and loads the same', () => {
    const { yaml, beside } = archiveLab(NEW_LAB_YAML, NEW_LAB_FILES);
    expect(beside).toEqual([]);
    const { document, problems } = loadLab(yaml, {});
    expect(problems).toEqual([]);
    expect(document?.files?.['main.asm']).toBe(NEW_LAB_FILES['main.asm']);
  });
  it('leaves binaries beside it, and everything beside a text that is no lab', () => {
    expect(archiveLab(NEW_LAB_YAML, { 'k.elf': new Uint8Array([0x7f]) }).beside).toEqual([
      { path: 'k.elf', bytes: new Uint8Array([0x7f]) },
    ]);
    const broken = archiveLab('a: [', { 'a.asm': 'hlt' });
    expect(broken.yaml).toBe('a: [');
    expect(broken.beside.map((file) => file.path)).toEqual(['a.asm']);
  });
});

describe('files chosen in a browser', () => {
  it('finds the lab, its name and its folder', () => {
    const lab = labFromFiles([
      { path: 'x/a.asm', bytes: encode('hlt') },
      { path: 'x/demo.lab.yaml', bytes: encode('format: pagewalk.lab/1') },
      { path: 'x/k.bin', bytes: new Uint8Array([1, 0, 2]) },
    ]);
    expect(lab?.name).toBe('demo');
    expect(lab?.files['a.asm']).toBe('hlt');
    expect(lab?.files['k.bin']).toEqual(new Uint8Array([1, 0, 2]));
  });
  it('says so when there is none', () => {
    expect(labFromFiles([{ path: 'a.asm', bytes: encode('hlt') }])).toBeNull();
  });
});
