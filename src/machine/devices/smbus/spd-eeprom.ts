/**
 * A module's SPD memory as the SMBus sees it, with the ways the larger ones have to reach their upper bytes: DDR4's two pages,
 * chosen by writing to addresses 36h and 37h (JEDEC EE1004), and DDR5's hub, whose register MR11 chooses among eight pages of
 * 128 bytes that answer from offset 80h (JESD300-5).
 */
import type { DimmTechnology } from '../../board/parts';

const PAGE = 256;
const HUB_PAGE = 128;
/** Hub registers: MR0 and MR1 say what it is, MR11 selects the page. */
const HUB_TYPE = [0x51, 0x18] as const;
const HUB_PAGE_REGISTER = 11;

export class SpdEeprom {
  page = 0;

  constructor(
    private readonly technology: DimmTechnology,
    private readonly bytes: Uint8Array,
  ) {}

  /** `offset` 0 to 255, the SMBus command. */
  read(offset: number): number {
    if (this.technology !== 'DDR5') return this.bytes[(this.page * PAGE + offset) % this.bytes.length]!;
    if (offset >= HUB_PAGE) return this.bytes[this.page * HUB_PAGE + offset - HUB_PAGE]!;
    return offset === HUB_PAGE_REGISTER ? this.page : (HUB_TYPE[offset] ?? 0);
  }

  /** The memory itself is write-protected; only a hub's page register takes a value. */
  write(offset: number, value: number): void {
    if (this.technology === 'DDR5' && offset === HUB_PAGE_REGISTER) this.page = value & 7;
  }

  /** A write to the page addresses, which every DDR4 EEPROM on the bus hears. Returns whether this one did. */
  selectPage(page: 0 | 1): boolean {
    if (this.technology !== 'DDR4') return false;
    this.page = page;
    return true;
  }
}
