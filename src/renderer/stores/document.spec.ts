// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LAB_FILE, useDocument } from './document';
import { OPENED, TestShell, withShell } from './test-bridge';

const LABEL = { en: 'Plug', 'zh-CN': '插入' };
const dimmOf = (lab: ReturnType<typeof useDocument>, slot: string): string | null | undefined =>
  lab.document?.board.slots.find((other) => other.id === slot)?.dimm;

describe('the document', () => {
  let shell: TestShell;
  let lab: ReturnType<typeof useDocument>;
  beforeEach(() => {
    vi.useFakeTimers();
    shell = new TestShell();
    lab = withShell(shell).use(useDocument);
    lab.adopt(OPENED);
  });
  afterEach(() => vi.useRealTimers());

  it('is saved when opened, unsaved after an edit, saved again after undo', () => {
    expect(lab.unsaved).toBe(false);
    expect(lab.patch([{ op: 'set', path: 'board.slots.A1.dimm', value: null }], LABEL).applied).toBe(true);
    expect(dimmOf(lab, 'A1')).toBeNull();
    expect(lab.unsaved).toBe(true);
    expect(lab.undoLabel).toEqual(LABEL);
    lab.undo();
    expect(dimmOf(lab, 'A1')).toBe('ddr3-256m');
    expect(lab.unsaved).toBe(false);
    lab.redo();
    expect(dimmOf(lab, 'A1')).toBeNull();
  });

  it('undoes board edits and typing in the order they were made', () => {
    lab.setText('main.asm', 'hlt');
    lab.patch([{ op: 'set', path: 'board.slots.B2.dimm', value: null }], LABEL);
    lab.setText('main.asm', 'hlt\nnop');
    lab.undo();
    expect(lab.allFiles['main.asm']).toBe('hlt');
    expect(dimmOf(lab, 'B2')).toBeNull();
    lab.undo();
    expect(dimmOf(lab, 'B2')).toBe('ddr3-256m');
    lab.undo();
    expect(lab.allFiles['main.asm']).toBe(OPENED.files['main.asm']);
    expect(lab.undo()).toBe(false);
  });

  it('joins the keystrokes of one typing, until it is sealed', () => {
    for (const text of ['h', 'hl', 'hlt']) lab.setText('main.asm', text);
    lab.seal();
    lab.setText('main.asm', 'hlt ');
    lab.undo();
    expect(lab.allFiles['main.asm']).toBe('hlt');
    lab.undo();
    expect(lab.allFiles['main.asm']).toBe(OPENED.files['main.asm']);
  });

  it('refuses an edit that makes no lab, changes nothing and says why', () => {
    const before = lab.yaml;
    expect(lab.patch([{ op: 'set', path: 'board.slots.Z9.dimm', value: 'x' }], LABEL).applied).toBe(false);
    expect(lab.refused[0]?.code).toBe('lab-unknown-path');
    expect(lab.yaml).toBe(before);
    expect(lab.unsaved).toBe(false);
  });

  it('keeps a broken lab text so that it can be mended', () => {
    lab.setText(LAB_FILE, 'format: [');
    expect(lab.document).toBeNull();
    expect(lab.problems.length).toBeGreaterThan(0);
    expect(lab.runnable).toBe(false);
    lab.undo();
    expect(lab.document).not.toBeNull();
    expect(lab.runnable).toBe(true);
  });

  it('autosaves two seconds after the last change, and drops the autosave when nothing is unsaved', async () => {
    lab.setText('main.asm', 'hlt');
    await vi.advanceTimersByTimeAsync(1_500);
    lab.setText('main.asm', 'hlt\n');
    await vi.advanceTimersByTimeAsync(1_900);
    expect(shell.calls('autosave')).toHaveLength(0);
    await vi.advanceTimersByTimeAsync(200);
    expect(shell.calls('autosave')).toMatchObject([{ name: 'demo', files: { 'main.asm': 'hlt\n' } }]);
    lab.undo();
    await vi.advanceTimersByTimeAsync(2_100);
    expect(shell.calls('discardAutosave')).toHaveLength(1);
  });

  it('takes its new place and name when saved elsewhere', async () => {
    lab.setText('main.asm', 'hlt');
    expect(await lab.save(true)).toBe(true);
    expect(shell.calls('save')).toMatchObject([{ saveAs: true, path: OPENED.path }]);
    expect([lab.path, lab.name, lab.unsaved]).toEqual(['/labs/saved.lab.yaml', 'saved', false]);
  });

  it('has no place after a download, and is autosaved as before', async () => {
    shell.saveAnswer = { ok: true, value: { path: null, name: 'demo' } };
    lab.setText('main.asm', 'hlt');
    expect(await lab.save()).toBe(true);
    expect([lab.path, lab.shipped, lab.unsaved]).toEqual([null, false, false]);
    lab.setText('main.asm', 'nop');
    await vi.advanceTimersByTimeAsync(2_100);
    expect(shell.calls('autosave')).toMatchObject([{ path: null }]);
  });

  it('stays unsaved when saving fails, and says why', async () => {
    lab.setText('main.asm', 'hlt');
    shell.saveAnswer = { ok: false, error: { code: 'disk-full', message: { en: 'Disk full', 'zh-CN': '磁盘已满' } } };
    expect(await lab.save()).toBe(false);
    expect(lab.unsaved).toBe(true);
    expect(lab.failure?.code).toBe('disk-full');
  });

  it('opens a recovered lab as unsaved, until it is saved', async () => {
    lab.adoptRecovered({ ...OPENED, name: 'lost' });
    expect(lab.unsaved).toBe(true);
    await lab.save();
    expect(lab.unsaved).toBe(false);
  });

  it('tells the shell its name and state', () => {
    lab.setText('main.asm', 'hlt');
    expect(shell.calls('setDocumentState').at(-1)).toEqual({ name: 'demo', path: OPENED.path, unsaved: true });
  });

  it('renames a program and what names it', () => {
    expect(lab.renameFile('main.asm', 'kernel.asm').applied).toBe(true);
    expect(lab.document?.machine?.program).toMatchObject({ file: 'kernel.asm' });
    expect(Object.keys(lab.allFiles)).toEqual(['kernel.asm']);
    lab.undo();
    expect(Object.keys(lab.allFiles)).toEqual(['main.asm']);
  });
});
