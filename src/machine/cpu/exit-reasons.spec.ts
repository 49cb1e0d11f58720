import { expect, it } from 'vitest';
import { EXIT_REASON } from './exit-reasons';

it('exits have the manual’s numbers, each once', () => {
  expect(EXIT_REASON).toMatchObject({
    'triple-fault': 2,
    cpuid: 10,
    hlt: 12,
    'io-instruction': 30,
    'ept-violation': 48,
    'ept-misconfiguration': 49,
  });
  expect(new Set(Object.values(EXIT_REASON)).size).toBe(Object.keys(EXIT_REASON).length);
});
