import { describe, expect, it } from 'vitest';
import { PAGE_SIZE } from '../../address';
import { IR_OPCODES, IR_STRIDE } from '../lower/ir';
import { findNearPages } from './near-pages';
import { discoverRegion } from './region';

/** The near pages of straight code, by access in order: `-` where there is none, `w` behind those that may be written to. */
function nearPagesOf(...code: number[]): string[] {
  const bytes = new Uint8Array(PAGE_SIZE);
  bytes.set(code);
  const mode = { code32: true, stack32: true, protectedMode: true, codeLimited: false };
  const region = discoverRegion({ pages: new Map([[0, { bytes, known: () => true }]]), mode, mostInstructions: 100 }, 0)!;
  const nearPages = findNearPages(region);
  const list: string[] = [];
  const { ir } = region.blocks[0]!;
  for (let at = 0; at < ir.ops.length; at += IR_STRIDE) {
    if (!/^(load|store|probe)/.test(IR_OPCODES[ir.ops[at]!]!.name)) continue;
    const near = nearPages.of(ir, at);
    list.push(near === undefined ? '-' : `${near.number}${near.writes ? 'w' : ''}`);
  }
  return list;
}

const RET = 0xc3;

describe('near pages', () => {
  it('are one for the stack, with the frame where there is one', () => {
    // push ebp; mov ebp, esp; mov eax, [ebp + 8]; pop ebp; ret
    expect(nearPagesOf(0x55, 0x89, 0xe5, 0x8b, 0x45, 0x08, 0x5d, RET)).toEqual(['0w', '0w', '0w', '0w']);
    // mov eax, [ebp + 8]; ret: EBP is a register like others
    expect(nearPagesOf(0x8b, 0x45, 0x08, RET)).toEqual(['0', '1']);
  });

  it('are by base and index, whatever is added', () => {
    // mov eax, [esi]; mov eax, [esi + 64]; mov eax, [ebx + esi * 4]; mov [ebx + esi * 4 + 8], eax; ret
    expect(nearPagesOf(0x8b, 0x06, 0x8b, 0x46, 0x40, 0x8b, 0x04, 0xb3, 0x89, 0x44, 0xb3, 0x08, RET)).toEqual(['0', '0', '1w', '1w', '2']);
  });

  it('are by page where the address is a constant', () => {
    // mov eax, [0x1000]; mov eax, [0x1ffc]; mov [0x2000], eax; ret
    expect(nearPagesOf(0xa1, 0, 0x10, 0, 0, 0xa1, 0xfc, 0x1f, 0, 0, 0xa3, 0, 0x20, 0, 0, RET)).toEqual(['0', '0', '1w', '2']);
  });

  it('go to the groups with most accesses when there are too many', () => {
    // mov al, [eax]; [ecx]; [edx]; [ebx]; [esi]; [esi]; ret
    expect(nearPagesOf(0x8a, 0x00, 0x8a, 0x01, 0x8a, 0x02, 0x8a, 0x03, 0x8a, 0x06, 0x8a, 0x06, RET)).toEqual([
      '1',
      '2',
      '3',
      '-',
      '0',
      '0',
      '-',
    ]);
  });
});
