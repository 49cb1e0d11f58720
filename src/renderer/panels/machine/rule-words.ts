/** Names of what the core sends as kebab-case words (rules, faults, end kinds): from the messages, or the word itself when it has none yet. */
import { useI18n } from 'vue-i18n';
import type { EntryCard } from './journey-model';

export function useRuleWords() {
  const { t, te } = useI18n();
  const word = (group: string, name: string): string => {
    const key = `machine.${group}.${name}`;
    return te(key) || te(key, 'en') ? t(key) : name.replaceAll('-', ' ');
  };
  return {
    /** "PTE 5", "Root, bus 0", "Context 00:04.0" */
    entry(card: EntryCard, requester?: string): string {
      if (card.structure === 'root-entry') return t('machine.entry.root-entry', { bus: card.index ?? 0 });
      if (card.structure === 'context-entry') return t('machine.entry.context-entry', { device: requester ?? card.index ?? '' });
      if (card.structure === 'tlb-entry') return t('machine.entry.tlb-entry', { set: card.index ?? 0 });
      return card.index === null ? card.name : `${card.name} ${card.index}`;
    },
    /** key of what became of what was copied from memory */
    stale: (card: EntryCard): 'stale' | 'changed' => (card.structure === 'descriptor' ? 'changed' : 'stale'),
    /** what was compared: "limit", "privilege" */
    rule: (name: string): string => word('rule', name),
    /** why it stopped: "not present", "not writable" */
    failed: (name: string): string => word('failed', name),
    /** "EPT violation" */
    fault: (name: string): string => word('fault', name),
    /** one sentence on what follows from a fault */
    consequence: (name: string): string => word('consequence', name),
  };
}

/** `0x5013 ≤ 0xfffff` as the screen writes numbers: upper-case digits. */
export const detailText = (detail: string): string => detail.replace(/0x[0-9a-f_]+/gi, (number) => '0x' + number.slice(2).toUpperCase());
