/** What a check is called. */
import type { Check } from '../document/schema';
import { boundsText, dramPlace } from './counts';
import { hex } from './verdict';

/** A short name that tells the check from its neighbours: `unchanged victim 0x0000_5000`. */
export function checkName(check: Check): string {
  if ('memory' in check) return `memory ${check.memory.at.vm ?? check.memory.at.space} ${hex(check.memory.at.address)}`;
  if ('unchanged' in check) {
    const { vm, vmmPart, from } = check.unchanged.range;
    return `unchanged ${[vmmPart, vm].filter(Boolean).join(' of ') || 'host'} ${hex(from)}`;
  }
  if ('located' in check) return `located ${hex(check.located.address)} in ${check.located.slot}`;
  if ('unanswered' in check)
    return `unanswered ${check.unanswered.address === undefined ? '' : `${hex(check.unanswered.address)} `}× ${check.unanswered.count}`;
  if ('differs' in check) return `differs ${check.differs.frames.map(({ vm, gpa }) => `${vm} ${hex(gpa)}`).join(', ')}`;
  if ('contiguous' in check)
    return `${check.contiguous.expect ? 'contiguous' : 'not contiguous'} in ${check.contiguous.in === 'slot' ? 'one slot' : check.contiguous.in} ${check.contiguous.range.vm ?? ''}`.trim();
  if ('serial' in check)
    return `serial ${check.serial.vm ?? ''} ${JSON.stringify(check.serial.contains ?? check.serial.equals ?? '')}`.replace('  ', ' ');
  if ('exits' in check) return `exits ${check.exits.vm} ${check.exits.reason}`;
  if ('exception' in check)
    return `exception ${check.exception.vector}${check.exception.vm === undefined ? '' : ` in ${check.exception.vm}`}`;
  if ('tlb' in check) return `tlb ${check.tlb.count}`;
  if ('faults' in check) return `faults ${check.faults.requester} × ${check.faults.count}`;
  if ('dram' in check)
    return `dram ${check.dram.count} ${dramPlace(check.dram)} ${boundsText(check.dram.min, check.dram.max)}`.replace('  ', ' ');
  if ('instructions' in check) {
    const { vm, min, max } = check.instructions;
    return `instructions ${vm === undefined ? '' : `of ${vm} `}${boundsText(min, max)}`;
  }
  return `stop ${check.stop}`;
}
