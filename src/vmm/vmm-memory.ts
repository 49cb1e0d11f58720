/**
 * The VMM's own pages in host memory: its descriptor tables and a page with a secret. They are there to be attacked: other
 * parts (control blocks, tables) act when they are overwritten, these are noticed when the VMM looks.
 */
import { hostPhysical, PAGE_SIZE } from '../machine/address';
import type { PhysicalMemory } from '../machine/memory/physical-memory';
import type { VmmPart } from './frames/frame-owner';
import { Random } from './random';

export interface OwnPage {
  part: VmmPart;
  frame: number;
  /** the bytes the VMM wrote */
  expected: Uint8Array;
}

const OWN_PARTS = ['gdt', 'idt', 'secret'] as const;
type OwnPart = (typeof OWN_PARTS)[number];

const CODE_SELECTOR = 0x08;
/** Flat 4 GiB ring 0 code and data: null, code, data. */
const GDT = [0n, 0x00cf_9b00_0000_ffffn, 0x00cf_9300_0000_ffffn];

/** Descriptors of the host's code and data; the rest of the page is empty. */
function gdtPage(): Uint8Array {
  const page = new Uint8Array(PAGE_SIZE);
  const view = new DataView(page.buffer);
  GDT.forEach((descriptor, index) => view.setBigUint64(index * 8, descriptor, true));
  return page;
}

/**
 * 256 interrupt gates to the host's code segment, all not present: the VMM takes exits, so an interrupt delivered in host
 * mode would be a mistake.
 */
function idtPage(): Uint8Array {
  const page = new Uint8Array(PAGE_SIZE);
  const view = new DataView(page.buffer);
  for (let vector = 0; vector < 256; vector++) {
    view.setUint16(vector * 8 + 2, CODE_SELECTOR, true);
    view.setUint16(vector * 8 + 4, 0x0e00, true);
  }
  return page;
}

/** A readable heading, then bytes that only the seed decides. */
function secretPage(seed: number): Uint8Array {
  const page = new Uint8Array(PAGE_SIZE);
  const heading = new TextEncoder().encode('VMM SECRET: no VM and no device may read this page.\n');
  const random = new Random(seed ^ 0x5ec2e7);
  for (let index = heading.length; index < PAGE_SIZE; index++) page[index] = random.below(256);
  page.set(heading);
  return page;
}

const contents = (part: OwnPart, seed: number): Uint8Array => (part === 'gdt' ? gdtPage() : part === 'idt' ? idtPage() : secretPage(seed));

/** Writes the pages into the frames that `allocate` gives. */
export function createOwnPages(memory: PhysicalMemory, seed: number, allocate: (part: VmmPart) => number): OwnPage[] {
  return OWN_PARTS.map((part) => {
    const page: OwnPage = { part, frame: allocate(part), expected: contents(part, seed) };
    memory.writeBytes(hostPhysical(page.frame * PAGE_SIZE), page.expected);
    return page;
  });
}

/** After loading a snapshot: memory holds the pages already. */
export function knownOwnPages(seed: number, frames: readonly number[]): OwnPage[] {
  return OWN_PARTS.map((part, index) => ({ part, frame: frames[index]!, expected: contents(part, seed) }));
}
