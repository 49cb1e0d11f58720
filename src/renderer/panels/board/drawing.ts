/**
 * Where the parts of the board are drawn and how the wires run, in units of the drawing: processor, controller, IOMMU, firmware
 * and legacy I/O at the left, slots in a column at the right, devices along the bottom. It grows downward with slots and devices.
 * Pure.
 */

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface SlotBox extends Box {
  id: string;
}

export interface Drawing {
  width: number;
  height: number;
  slots: SlotBox[];
  devices: (Box & { id: string })[];
  /** memory bus: one path from the controller to all slots */
  bus: string;
  /** PCI: from the root to every device */
  pci: string;
  /** free room under the slots, for what is wrong with one of them */
  note: Box;
  /** slots and devices that the drawing leaves to the list */
  hiddenSlots: number;
  hiddenDevices: number;
}

export const WIDTH = 680;
/** more than this are in the list only */
const MOST_SLOTS = 32;
const MOST_DEVICES = 12;
const SLOT_X = 364;
const SLOT_WIDTH = 280;
const SLOT_TOP = 36;
const PITCH = 86;
const DEVICES_PER_ROW = 4;
const DEVICE_WIDTH = 140;
const DEVICE_HEIGHT = 110;

export function drawBoard(slotIds: readonly string[], deviceIds: readonly string[]): Drawing {
  const shown = slotIds.slice(0, MOST_SLOTS);
  const slots = shown.map((id, i): SlotBox => ({ id, x: SLOT_X, y: SLOT_TOP + i * PITCH, width: SLOT_WIDTH, height: 79 }));
  const slotsBottom = SLOT_TOP + shown.length * PITCH;
  const note: Box = { x: SLOT_X, y: slotsBottom + 8, width: SLOT_WIDTH, height: 92 };
  const deviceTop = Math.max(496, slotsBottom + 112);
  const drawn = deviceIds.slice(0, MOST_DEVICES);
  const devices = drawn.map((id, i) => ({
    id,
    x: 44 + (i % DEVICES_PER_ROW) * (DEVICE_WIDTH + 14),
    y: deviceTop + Math.floor(i / DEVICES_PER_ROW) * (DEVICE_HEIGHT + 24),
    width: DEVICE_WIDTH,
    height: DEVICE_HEIGHT,
  }));
  const rows = Math.max(1, Math.ceil(drawn.length / DEVICES_PER_ROW));
  const bottom = drawn.length ? deviceTop + rows * (DEVICE_HEIGHT + 24) : Math.max(488, slotsBottom + 100);

  const trunk = 338;
  const centres = slots.map((slot) => slot.y + 36);
  const bus = centres.length
    ? `M312 116H${trunk}M${trunk} ${Math.min(116, ...centres)}V${Math.max(116, ...centres)}${centres.map((y) => `M${trunk} ${y}H${SLOT_X + 2}`).join('')}`
    : '';
  const pci = devices.map((device) => `M271 462V${device.y - 14}H${device.x + device.width / 2}V${device.y}`).join('');
  return {
    width: WIDTH,
    height: bottom + 14,
    slots,
    devices,
    bus,
    pci,
    note,
    hiddenSlots: slotIds.length - shown.length,
    hiddenDevices: deviceIds.length - drawn.length,
  };
}
