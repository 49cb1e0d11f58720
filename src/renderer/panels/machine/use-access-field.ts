/**
 * Which access the Journey is of: what stands in the fields for its space, address and kind, and asking for it. The fields follow the last
 * access, or what was asked for elsewhere, but never while somebody types in them.
 */
import { computed, ref, watch, type Ref } from 'vue';
import { formatAddress } from '../../../machine/address';
import type { AccessKind, Journey } from '../../../machine/journey/journey';
import type { AccessQuery } from '../../../lab/protocol';
import { parseAccess, type ParsedAccess } from './access-text';

export interface AccessFieldView {
  /** what was asked for; null follows the last access */
  query: Ref<AccessQuery | null>;
  /** the Journey on screen */
  shown: Readonly<Ref<Journey | null>>;
  /** whose access it is, at which privilege */
  who: () => { vm: string | null; cpl?: number };
}

type QuerySpace = AccessQuery['space'];
export type Complaint = Extract<ParsedAccess, { ok: false }>['reason'];

export function useAccessField({ query, shown, who }: AccessFieldView) {
  const space = ref<QuerySpace>('linear');
  const typed = ref('');
  const complaint = ref<Complaint | null>(null);
  /** chosen for what is typed here; the last access has its own */
  const wanted = ref<AccessKind>('read');
  const kind = computed<AccessKind>(() => (query.value ? wanted.value : (shown.value?.access.kind ?? wanted.value)));
  /** what stands in the field is the user's, and was not asked for yet */
  let own = false;
  const text = computed({
    get: () => typed.value,
    set: (now: string) => {
      own ||= now !== typed.value;
      typed.value = now;
    },
  });

  function follow(of: Pick<AccessQuery, 'address'> & { space: string }, segment: string | undefined): void {
    typed.value = of.space === 'logical' && segment ? `${segment}:${formatAddress(of.address)}` : formatAddress(of.address);
    own = false;
    complaint.value = null;
  }
  watch(
    query,
    (now) => {
      if (!now) return void (own = false);
      if (now.space !== 'iova') space.value = now.space;
      wanted.value = now.kind;
      follow(now, now.segment);
    },
    { immediate: true },
  );
  watch(
    [shown, query],
    ([now, asked]) => {
      if (asked || own || !now || now.access.space === 'dram') return;
      if (now.access.space !== 'iova') space.value = now.access.space;
      follow(now.access, now.steps[0]?.from.segment);
    },
    { immediate: true },
  );

  function ask(): void {
    const parsed = parseAccess(typed.value, space.value);
    complaint.value = parsed.ok ? null : parsed.reason;
    if (!parsed.ok) return;
    const logical = parsed.segment !== null || space.value === 'logical';
    if (logical) space.value = 'logical';
    query.value = {
      ...who(),
      space: space.value,
      address: parsed.address,
      size: 4,
      kind: wanted.value,
      ...(logical ? { segment: parsed.segment ?? (wanted.value === 'execute' ? 'CS' : 'DS') } : {}),
    };
  }
  function chooseKind(chosen: AccessKind): void {
    wanted.value = chosen;
    ask();
  }
  /** The same number in another space. */
  function chooseSpace(chosen: QuerySpace): void {
    space.value = chosen;
    typed.value = typed.value.slice(typed.value.indexOf(':') + 1);
    if (typed.value.trim() !== '') ask();
  }
  /** The field was left: what nobody asked for stands there until there is something newer. */
  const leave = (): void => void (own = false);
  return { space, text, complaint, kind, ask, chooseKind, chooseSpace, leave };
}
