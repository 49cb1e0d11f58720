import { describe, expect, it } from 'vitest';
import { LabEditor } from '../../../../lab/document/editor';
import { parseCount } from '../inspector/counts';
import { setMemory, setModule, type BoardChange } from './index';

const YAML = `format: pagewalk.lab/1
title: Board
board:
  slots:
    - { id: A1, base: 0x0000_0000, dimm: ddr3-256m } # the first
machine:
  program: main.asm
`;
const open = () => {
  const editor = new LabEditor(YAML, { 'main.asm': 'hlt\n' });
  const apply = ({ patches, label }: BoardChange) => {
    expect(editor.patch(patches, label)).toEqual({ applied: true });
    return editor.document!.board;
  };
  return { editor, apply };
};

describe('the memory model as edits', () => {
  it('sets what a module has, and leaves out of the file what is as usual', () => {
    const { editor, apply } = open();
    apply(setModule('A1', 'ecc', true));
    apply(setModule('A1', 'trr', 4));
    expect(apply(setModule('A1', 'rowThreshold', 10_000)).slots[0]).toMatchObject({ ecc: true, trr: 4, rowThreshold: 10_000 });
    apply(setModule('A1', 'ecc', null));
    apply(setModule('A1', 'trr', null));
    apply(setModule('A1', 'rowThreshold', null));
    expect(editor.yaml).toBe(YAML);
    while (editor.undo());
    expect(editor.yaml).toBe(YAML);
  });

  it('switches parts of the model on and off one by one, until none is left', () => {
    const { editor, apply } = open();
    let board = apply(setMemory(editor.document!.board, 'timing', true));
    board = apply(setMemory(board, 'disturbance', true));
    board = apply(setMemory(board, 'seed', 9));
    board = apply(setMemory(board, 'reach', 2));
    expect(board.memory).toEqual({ timing: true, disturbance: true, seed: 9, reach: 2 });
    board = apply(setMemory(board, 'timing', false));
    board = apply(setMemory(board, 'reach', null));
    expect(board.memory).toEqual({ timing: false, disturbance: true, seed: 9 });
    board = apply(setMemory(board, 'seed', null));
    apply(setMemory(board, 'disturbance', false));
    expect(editor.yaml).toBe(YAML);
  });

  it('reads the numbers that people type', () => {
    expect([
      parseCount(' 10,000 ', 1, 20_000),
      parseCount('', 1, 2),
      parseCount('65', 0, 64),
      parseCount('-1', 0, 64),
      parseCount('x', 0, 64),
    ]).toEqual([10_000, null, undefined, undefined, undefined]);
  });
});
