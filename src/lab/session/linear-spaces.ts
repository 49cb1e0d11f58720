/**
 * What the tables under a CR3 map, as runs: linear pages that follow one another, go to frames that follow one another, and allow the
 * same. Read from memory as it is now (SDM vol. 3, 4.3 and 4.4), for the current CR3 and for those of other processes. Observes nothing.
 */
import type { TranslationContext } from '../../machine/cpu/explain';
import { CR4, EFER, pagingEnabled } from '../../machine/cpu/paging-registers';
import type { LinearRunView, LinearSpaceView } from '../protocol';
import type { GuestMemory } from './page-tables';

/** Runs that are listed; the rest is counted. */
const MOST_RUNS = 4096;
const P = 1;
const W = 2;
const U = 4;
const PS = 0x80;
const HIGH = 2 ** 32;

interface Rights {
  writable: boolean;
  user: boolean;
  executable: boolean;
}
interface Level {
  /** linear bytes of an entry */
  span: number;
  count: number;
}
const LEGACY: readonly Level[] = [{ span: 2 ** 22, count: 1024 }, { span: 4096, count: 1024 }]; // prettier-ignore
const PAE: readonly Level[] = [{ span: 2 ** 30, count: 4 }, { span: 2 ** 21, count: 512 }, { span: 4096, count: 512 }]; // prettier-ignore

class Runs {
  readonly list: LinearRunView[] = [];
  more = 0;

  add(linear: number, guest: number, bytes: number, { writable, user, executable }: Rights): void {
    const last = this.list.at(-1);
    const goesOn =
      last !== undefined &&
      this.more === 0 &&
      Number(last.linear) + last.bytes === linear &&
      Number(last.guest) + last.bytes === guest &&
      last.pageBytes === bytes &&
      last.writable === writable &&
      last.user === user &&
      last.executable === executable;
    if (goesOn) last.bytes += bytes;
    else if (this.list.length === MOST_RUNS) this.more++;
    else this.list.push({ linear: BigInt(linear), bytes, guest: BigInt(guest), pageBytes: bytes, writable, user, executable });
  }
}

/**
 * The linear space under the context's CR3; null when paging is off.
 * @param current CR3 is loaded: PAE's pointer entries are registers then, and lie in memory otherwise
 */
export function linearSpace(context: TranslationContext, memory: GuestMemory, current: boolean): LinearSpaceView | null {
  if (!pagingEnabled(context)) return null;
  const { cr3 } = context;
  const wide = (context.cr4 & CR4.PAE) !== 0;
  const large = wide || (context.cr4 & CR4.PSE) !== 0;
  const levels = wide ? PAE : LEGACY;
  const size = wide ? 8 : 4;
  const runs = new Runs();
  const nxe = (context.efer & EFER.NXE) !== 0;

  const tableAt = (at: number, depth: number): DataView | null => {
    if (wide && depth === 0 && current) {
      const registers = Uint32Array.from({ length: 8 }, (_, index) => context.pdpte[index]!);
      return new DataView(registers.buffer);
    }
    const bytes = memory.read(at, levels[depth]!.count * size);
    return bytes && new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  };
  const walk = (at: number, depth: number, linear: number, rights: Rights): void => {
    const table = tableAt(at, depth);
    if (!table) return;
    const { span, count } = levels[depth]!;
    const pointers = wide && depth === 0;
    const last = depth === levels.length - 1;
    for (let index = 0; index < count; index++) {
      const low = table.getUint32(index * size, true);
      if ((low & P) === 0) continue;
      const high = wide ? table.getUint32(index * size + 4, true) : 0;
      const frame = (high & 0xf_ffff) * HIGH + ((low & 0xffff_f000) >>> 0);
      const allowed: Rights = pointers
        ? rights
        : {
            writable: rights.writable && (low & W) !== 0,
            user: rights.user && (low & U) !== 0,
            executable: rights.executable && !(nxe && high >>> 31 === 1),
          };
      const here = linear + index * span;
      if (last) runs.add(here, frame, span, allowed);
      else if (!pointers && large && (low & PS) !== 0) runs.add(here, largeFrame(frame, low, span, wide), span, allowed);
      else walk(frame, depth + 1, here, allowed);
    }
  };
  const root = (wide ? cr3 & 0xffff_ffe0 : cr3 & 0xffff_f000) >>> 0;
  walk(root, 0, 0, { writable: true, user: true, executable: true });
  return { cr3: BigInt(cr3 >>> 0), current, format: wide ? 'pae' : '32-bit', runs: runs.list, more: runs.more };
}

/** Where a large page begins; PSE-36 has address bits 39:32 in bits 20:13 of a 4 MiB page's entry. */
const largeFrame = (frame: number, low: number, span: number, wide: boolean): number =>
  wide ? frame - (frame % span) : ((low >>> 13) & 0xff) * HIGH + ((low & 0xffc0_0000) >>> 0);
