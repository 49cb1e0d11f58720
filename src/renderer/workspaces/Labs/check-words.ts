/** A check of the lab file in words, before anything has run. Pure: the message's key and what goes into it. */
import { formatAddress } from '../../../machine/address';
import { expectedBytes } from '../../../lab/document/expected-bytes';
import type { Check } from '../../../lab/document/schema';
import { exactSize, formatBytes, formatCount, plainDigits } from '../../components/format';

export interface CheckWords {
  key: string;
  named: Record<string, string | number>;
}
const words = (key: string, named: Record<string, string | number> = {}): CheckWords => ({ key: `labs.check.${key}`, named });

/** `≥ 1,000`, `≤ 5`, both, or `= 3`; at least one unless told. */
function bounds(min: number | undefined, max: number | undefined): string {
  if (min !== undefined && min === max) return `= ${formatCount(min)}`;
  return (
    [min === undefined ? '' : `≥ ${formatCount(min)}`, max === undefined ? '' : `≤ ${formatCount(max)}`].filter(Boolean).join(', ') || '≥ 1'
  );
}

function exceptionWords({ vector, errorCode, cr2 }: { vector: number; errorCode?: number; cr2?: number }): CheckWords {
  const code = errorCode === undefined ? '' : `0x${plainDigits(errorCode, 4)}`;
  if (cr2 !== undefined)
    return words(errorCode === undefined ? 'exceptionAt' : 'exceptionCodeAt', { vector, code, address: formatAddress(cr2) });
  return errorCode === undefined ? words('exception', { vector }) : words('exceptionCode', { vector, code });
}

/** A check names at most so many bytes. */
const MOST_BYTES = 16;

/** What memory is to hold: text in quotation marks when the lab writes it as text, else bytes. Null: only their hash is known. */
function content(equals: string | readonly number[] | undefined): string | null {
  if (equals === undefined) return null;
  const bytes = expectedBytes(equals);
  const text = typeof equals === 'string' && new TextDecoder().decode(bytes);
  if (text && text === String(equals).replace(/^text:/, '')) return `“${text}”`;
  return bytes.length > MOST_BYTES ? `${formatBytes(bytes.subarray(0, MOST_BYTES))} …` : formatBytes(bytes);
}

export function checkWords(check: Check): CheckWords {
  if ('memory' in check) {
    const { space, vm, address } = check.memory.at;
    const what = content(check.memory.equals);
    return words(`${what === null ? 'memoryHash' : 'memory'}${vm ? 'Vm' : { host: 'Host', linear: 'Linear', guest: '' }[space]}`, {
      vm: vm ?? '',
      address: formatAddress(address),
      what: what ?? '',
    });
  }
  if ('unchanged' in check) {
    const { vm, vmmPart, from, bytes } = check.unchanged.range;
    if (vmmPart !== undefined) return words('unchangedPart', { part: vm ? `${vmmPart} (${vm})` : vmmPart });
    return words(vm ? 'unchangedVm' : 'unchanged', { vm: vm ?? '', address: formatAddress(from), size: exactSize(bytes) });
  }
  if ('located' in check) return words('located', { address: formatAddress(check.located.address), slot: check.located.slot });
  if ('unanswered' in check) return words('unanswered', { count: check.unanswered.count });
  if ('differs' in check)
    return words('differs', { frames: check.differs.frames.map(({ vm, gpa }) => `${vm} ${formatAddress(gpa)}`).join(' · ') });
  if ('contiguous' in check) {
    const { range, in: space, expect } = check.contiguous;
    const whose = range.vm === undefined ? '' : 'Vm';
    return words(`${expect ? 'contiguous' : 'scattered'}${{ host: 'Host', guest: 'Guest', slot: 'Slot' }[space]}${whose}`, {
      vm: range.vm ?? '',
      address: formatAddress(range.from),
      size: exactSize(range.bytes),
    });
  }
  if ('serial' in check) {
    const text = check.serial.contains ?? check.serial.equals ?? '';
    if (text === '') return words(check.serial.vm ? 'silentVm' : 'silent', { vm: check.serial.vm ?? '' });
    return words(check.serial.vm ? 'serialVm' : 'serial', { vm: check.serial.vm ?? '', text: text.trim().replaceAll(/\r?\n/g, ' ↵ ') });
  }
  if ('exits' in check) return words('exits', { vm: check.exits.vm, reason: check.exits.reason });
  if ('exception' in check) return exceptionWords(check.exception);
  if ('tlb' in check) {
    const { count, min, max } = check.tlb;
    return words(`${count}${max === undefined ? 'Least' : 'Most'}`, { n: formatCount(max ?? min ?? 1) });
  }
  if ('faults' in check) return words('faults', { requester: check.faults.requester, count: check.faults.count });
  if ('dram' in check) {
    const { count, slot, bank, min, max } = check.dram;
    const place = [slot, bank === undefined ? '' : `bank ${bank}`].filter(Boolean).join(' ');
    return words(`dram.${count}`, { place: place && `${place}: `, bounds: bounds(min, max) });
  }
  if ('instructions' in check) {
    const { vm, min, max } = check.instructions;
    return words(vm === undefined ? 'instructions' : 'instructionsVm', { vm: vm ?? '', bounds: bounds(min, max) });
  }
  return words('stop', { stop: check.stop });
}
