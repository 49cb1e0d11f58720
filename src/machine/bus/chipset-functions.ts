/**
 * The chipset's own PCI functions, which every scan finds and no drawing shows: the host bridge at 00:00.0 (Intel's 82G33/Q35,
 * the chipset whose IOMMU this is) and, beside the SMBus controller, the LPC bridge of an ICH9 as function 0 of device 1f (Intel
 * I/O Controller Hub 9 datasheet, 316972, chapter 13): a scan looks at functions 1 to 7 only where there is a function 0. Of the
 * bridge's registers there is the header alone; the legacy devices behind it decode their ports whatever it says.
 */
import type { PciIdentity } from '../devices/device';

export const HOST_BRIDGE: PciIdentity = { vendor: 0x8086, device: 0x29c0, classCode: 0x060000, revision: 2, interruptPin: 0 };
export const LPC_BRIDGE: PciIdentity = { vendor: 0x8086, device: 0x2918, classCode: 0x060100, revision: 2, interruptPin: 0 };
