/**
 * What firmware does with PCI before anything else, through configuration cycles as any would: it scans the buses depth first,
 * gives each bridge its numbers when it finds it, and opens the windows of the bridges over what lies behind them.
 */
import { formatAddress } from '../address';
import { formatRequester, type RequesterId } from '../bus/dma-port';
import { bootText, type BootStep } from './boot-report';

export interface ConfigurationSpace {
  /** all ones where there is no function */
  readRegister(requester: RequesterId, register: number): number;
  writeRegister(requester: RequesterId, register: number, value: number): void;
}

export interface FoundFunction {
  requester: RequesterId;
  /** vendor in the low 16 bits, device above */
  identity: number;
  /** the buses behind a bridge */
  buses?: { secondary: number; subordinate: number };
}

const NOBODY = 0xffff_ffff;
const LAST_BUS = 255;
const MEMORY_AND_MASTER = 6;
const MIB = 1024 ** 2;

/** Scans from bus 0 on and numbers what it finds. More buses than there are numbers stay without one. */
export function scanBuses(config: ConfigurationSpace): FoundFunction[] {
  const found: FoundFunction[] = [];
  let next = 0;
  const scan = (bus: number): void => {
    for (let device = 0; device < 32; device++) {
      const first = (bus << 8) | (device << 3);
      if (config.readRegister(first, 0) === NOBODY) continue;
      const functions = (config.readRegister(first, 0x0c) >>> 23) & 1 ? 8 : 1;
      for (let number = 0; number < functions; number++) {
        const requester = first | number;
        const identity = config.readRegister(requester, 0);
        if (identity === NOBODY) continue;
        const isBridge = ((config.readRegister(requester, 0x0c) >>> 16) & 0x7f) === 1;
        if (!isBridge || next >= LAST_BUS) {
          found.push({ requester, identity });
          continue;
        }
        const secondary = ++next;
        // open to every bus behind until it is known how many there are
        config.writeRegister(requester, 0x18, bus | (secondary << 8) | (LAST_BUS << 16));
        const entry: FoundFunction = { requester, identity, buses: { secondary, subordinate: secondary } };
        found.push(entry);
        scan(secondary);
        entry.buses!.subordinate = next;
        config.writeRegister(requester, 0x18, bus | (secondary << 8) | (next << 16));
      }
    }
  };
  scan(0);
  return found;
}

/** Opens a bridge's memory window, [base, end) in whole MiB, and lets requests from behind it go up. */
export function openBridge(config: ConfigurationSpace, requester: RequesterId, window: { base: number; end: number } | undefined): void {
  const base = window ? window.base / MIB : 0xfff;
  const limit = window ? window.end / MIB - 1 : 0;
  config.writeRegister(requester, 0x20, ((limit << 20) | (base << 4)) >>> 0);
  config.writeRegister(requester, 0x04, MEMORY_AND_MASTER);
}

/** The scan as steps of the boot report. `nameOf` is the board's name of a function. */
export function scanSteps(
  found: readonly FoundFunction[],
  nameOf: (requester: RequesterId) => string,
  windowOf: (requester: RequesterId) => { base: number; end: number } | undefined,
): BootStep[] {
  return found.flatMap(({ requester, buses }): BootStep[] => {
    if (!buses) return [];
    const at = formatRequester(requester);
    const range = buses.secondary === buses.subordinate ? `${buses.secondary}` : `${buses.secondary}–${buses.subordinate}`;
    const window = windowOf(requester);
    const span = window ? `${formatAddress(window.base)}–${formatAddress(window.end - 1)}` : '';
    const name = nameOf(requester);
    return [
      {
        kind: 'firmware',
        text: bootText(
          `PCI scan: bridge ${name} at ${at} leads to bus ${range}${span ? ` and forwards ${span}` : ''}`,
          `PCI 扫描：位于 ${at} 的桥 ${name} 通向总线 ${range}${span ? `，转发 ${span}` : ''}`,
        ),
        fields: { bridge: name, at, buses: range, ...(window ? { base: window.base, end: window.end } : {}) },
        ok: true,
      },
    ];
  });
}
