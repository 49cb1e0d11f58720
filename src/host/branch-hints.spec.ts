import { describe, expect, it } from 'vitest';
import { hasHintsOption } from './branch-hints';

describe('the option for branch hints', () => {
  it.each([
    ['11.3.244.8-node.38', true],
    ['12.4.254.21-node.33', true],
    ['13.0.245.25-electron.0', true],
    ['13.6.233.17-node.40', false],
    ['10.2.154.26', false],
    ['', false],
  ])('%s: %s', (version, has) => expect(hasHintsOption(version)).toBe(has));
});
