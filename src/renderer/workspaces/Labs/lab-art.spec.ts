import { describe, expect, it } from 'vitest';
import { LAB_ART } from './lab-art';
import source from './LabArt.vue?raw';

const files = Object.keys(import.meta.glob('../../../../resources/labs/*.lab.yaml'));

describe('drawings of labs', () => {
  it('are there for every shipped lab, and for nothing else', () => {
    const shipped = files.map((file) => /([\w-]+)\.lab\.yaml$/.exec(file)![1]!);
    const own = [...source.matchAll(/lab === '([\w-]+)'/g)].map(([, name]) => name!);
    expect(shipped.length).toBeGreaterThan(20);
    expect([...own, ...Object.keys(LAB_ART)].sort()).toEqual(shipped.sort());
  });

  it('stay on their sheet', () => {
    for (const [lab, shapes] of Object.entries(LAB_ART)) {
      for (const shape of shapes) {
        if (shape.kind !== 'box') continue;
        const inside = shape.x >= 0 && shape.y >= 0 && shape.x + shape.width <= 290 && shape.y + shape.height <= 96;
        expect([lab, inside]).toEqual([lab, true]);
      }
    }
  });
});
