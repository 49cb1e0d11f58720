/** Every kind that a drawing may name can be made, reset, saved and loaded; nothing else can be made. */
import { describe, expect, it } from 'vitest';
import { deviceBench } from './bench.spec-support';
import { createDevice, DEVICE_KINDS, UnknownDeviceKindError } from './index';

describe('device catalogue', () => {
  it.each(DEVICE_KINDS)('%s keeps its state through save and load', (kind) => {
    const first = createDevice(kind, 'd0', deviceBench().context);
    const second = createDevice(kind, 'd0', deviceBench().context);
    for (const region of first.regions) first.write(region.name, 0, 4, 0x21);
    second.load(first.save());
    expect(second.save()).toEqual(first.save());
    first.reset();
    second.reset();
    expect(second.save()).toEqual(first.save());
  });

  it('refuses kinds it does not have, also the names every object has', () => {
    for (const kind of ['toaster', 'constructor', '__proto__'])
      expect(() => createDevice(kind, 'd0', deviceBench().context)).toThrow(UnknownDeviceKindError);
  });
});
