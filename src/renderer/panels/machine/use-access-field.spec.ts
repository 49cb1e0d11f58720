import { afterEach, beforeEach, expect, it } from 'vitest';
import { effectScope, nextTick, ref, shallowRef, type EffectScope } from 'vue';
import type { AccessQuery } from '../../../lab/protocol';
import type { Journey } from '../../../machine/journey/journey';
import { useAccessField } from './use-access-field';

const journeyOf = (address: bigint, space = 'linear'): Journey =>
  ({ access: { space, address, size: 4, kind: 'write' }, steps: [{ from: { space, address } }] }) as unknown as Journey;

let scope: EffectScope;
beforeEach(() => (scope = effectScope()));
afterEach(() => scope.stop());
function field() {
  const query = shallowRef<AccessQuery | null>(null);
  const shown = shallowRef<Journey | null>(journeyOf(0x5010n));
  const vm = ref<string | null>(null);
  return { query, shown, ...scope.run(() => useAccessField({ query, shown, who: () => ({ vm: vm.value, cpl: 0 }) }))! };
}

it('shows the last access, and follows it', async () => {
  const { shown, text, space, kind } = field();
  expect([text.value, space.value, kind.value]).toEqual(['0x0000_5010', 'linear', 'write']);
  shown.value = journeyOf(0x6000n, 'host');
  await nextTick();
  expect([text.value, space.value]).toEqual(['0x0000_6000', 'host']);
});

it('keeps what is being typed when the answer to an earlier question comes, and when the machine moves on', async () => {
  const { query, shown, text, ask, chooseSpace, leave } = field();
  chooseSpace('host');
  await nextTick();
  expect(query.value).toMatchObject({ space: 'host', address: 0x5010n });
  text.value = '0x2000_0000';
  shown.value = journeyOf(0x5010n, 'host');
  await nextTick();
  expect(text.value).toBe('0x2000_0000');
  ask();
  await nextTick();
  expect(query.value).toMatchObject({ space: 'host', address: 0x2000_0000n });

  query.value = null;
  await nextTick();
  expect(text.value).toBe('0x0000_5010');
  text.value = '0x3';
  shown.value = journeyOf(0x7000n);
  await nextTick();
  expect(text.value).toBe('0x3');
  leave();
  shown.value = journeyOf(0x8000n);
  await nextTick();
  expect(text.value).toBe('0x0000_8000');
});

it('shows what another panel asks for, also over what was typed, and names a segment', async () => {
  const { query, text, space, kind } = field();
  text.value = '12';
  query.value = { vm: null, space: 'logical', segment: 'SS', address: 0xff8n, size: 4, kind: 'execute' };
  await nextTick();
  expect([text.value, space.value, kind.value]).toEqual(['SS:0x0000_0FF8', 'logical', 'execute']);
});

it('says what is wrong with what was typed, and asks nothing', () => {
  const { query, text, complaint, ask } = field();
  text.value = '0xZZ';
  ask();
  expect([complaint.value, query.value]).toEqual(['not-hex', null]);
});
