import { describe, expect, it } from 'vitest';
import { Bus, BusConflictError } from './bus';
import { RegisterFile } from './register-file.spec-support';

const ports = (id: string, base: number, size = 8) => new RegisterFile(id, [{ name: 'ports', kind: 'port', size, base }]);
const memory = (id: string, size = 4096) => new RegisterFile(id, [{ name: 'bar0', kind: 'memory', size }]);

describe('bus', () => {
  it('resolves ports and memory to the device, its region and base', () => {
    const bus = new Bus();
    bus.attach(ports('com1', 0x3f8));
    bus.attach(memory('dma0'), { requester: 0x20, bases: { bar0: 0xfe00_0000 } });
    expect(bus.resolvePort(0x3ff)).toMatchObject({ region: 'ports', base: 0x3f8, size: 8, device: { id: 'com1' } });
    expect(bus.resolvePort(0x400)).toBeUndefined();
    expect(bus.resolve(0xfe00_0fff)).toMatchObject({ region: 'bar0', device: { id: 'dma0' } });
    expect(bus.resolve(0xfe00_1000)).toBeUndefined();
    expect(bus.requesterOf('dma0')).toBe(0x20);
    expect(bus.baseOf('dma0', 'bar0')).toBe(0xfe00_0000);
    expect(bus.baseOf('com1', 'ports')).toBe(0x3f8);
  });

  it('refuses a second device of a name or at a port, and attaches nothing then', () => {
    const bus = new Bus();
    bus.attach(ports('com1', 0x3f8));
    expect(() => bus.attach(memory('com1'))).toThrow(BusConflictError);
    expect(() => bus.attach(ports('other', 0x3fc))).toThrow(/com1 already has port 0x3fc/);
    expect(bus.devices().map(({ id }) => id)).toEqual(['com1']);
    expect(() => bus.attach(ports('far', 0xffff))).toThrow(RangeError);
  });

  it('moves and removes windows, and says so', () => {
    const bus = new Bus();
    let changes = 0;
    bus.onChange(() => changes++);
    bus.attach(memory('dma0'));
    expect(bus.resolve(0x1000)).toBeUndefined();
    bus.move('dma0', 'bar0', 0x1000);
    expect(bus.resolve(0x1000)?.device.id).toBe('dma0');
    bus.move('dma0', 'bar0', 0x5000);
    expect(bus.resolve(0x1000)).toBeUndefined();
    expect(bus.resolve(0x5000)?.device.id).toBe('dma0');
    bus.move('dma0', 'bar0', null);
    expect(bus.memoryWindows()).toEqual([]);
    bus.detach('dma0');
    expect(bus.device('dma0')).toBeUndefined();
    expect(changes).toBe(5);
    expect(() => bus.move('dma0', 'bar0', 0)).toThrow(RangeError);
  });
});
