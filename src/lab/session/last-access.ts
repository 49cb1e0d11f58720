/** The walk of the last access that a program made, as the window shows it while paused. */
import { linearAddress } from '../../machine/address';
import { SEGMENT_INDEX } from '../../machine/cpu/state-layout';
import type { Journey } from '../../machine/journey/journey';
import type { AccessQuery } from '../protocol';
import type { Stop } from './computer';
import { disassembly } from './disassembly';
import { explainQuery } from './explain-query';
import { stateCopy } from './registers-view';
import { explainSource, nextLinear, stateBytes, type System } from './system';

/** HLT, the one instruction after which a run ends by itself */
const HLT = 0xf4;
const SEGMENT_NAMES = Object.keys(SEGMENT_INDEX) as (keyof typeof SEGMENT_INDEX)[];

/**
 * The program's last data access; when it made none (or it was not watched), the fetch of the instruction that is next or ended the run.
 * @param lastVm whose instruction was executed last
 */
export function lastJourney(system: System, vm: string | null, lastVm: string | null, stopped: Stop | null): Journey {
  const { processor } = system.machine;
  const last = (vm === null || vm === lastVm) && processor.recordAccess ? processor.lastAccess : null;
  const bytes = stateBytes(system, vm);
  const state = stateCopy(bytes);
  if (!last) {
    const linear = nextLinear(system, vm);
    const [behind] = stopped?.kind === 'halted' ? disassembly(system, vm, bytes, BigInt((linear - 1) >>> 0), 1) : [];
    const ended = behind?.bytes[0] === HLT ? behind : null;
    const [shown] = ended ? [ended] : disassembly(system, vm, bytes, BigInt(linear), 1);
    const offset = BigInt((state.eip - (ended ? 1 : 0)) >>> 0);
    const journey = explainQuery(explainSource(system), { vm, space: 'logical', address: offset, segment: 'CS', size: 1, kind: 'execute' });
    return shown ? { ...journey, access: { ...journey.access, instruction: shown.text } } : journey;
  }
  const cpl = last.user ? 3 : Math.min(state.cpl, 2);
  const size = (last.size === 8 || last.size === 4 || last.size === 2 ? last.size : 1) as AccessQuery['size'];
  const { kind, through, missed } = last;
  if (through === null) {
    const query: AccessQuery = { vm, space: 'linear', address: linearAddress(last.linear), size, kind, cpl };
    return explainQuery(explainSource(system), query, { missed });
  }
  const segment = SEGMENT_NAMES[through.segment] as NonNullable<AccessQuery['segment']>;
  const query: AccessQuery = { vm, space: 'logical', address: BigInt(last.offset), segment, size, kind, cpl };
  return explainQuery(explainSource(system), query, { through, missed });
}
