/** Names of what the core sends as kebab-case words (rules, faults, end kinds): from the messages, or the word itself when it has none yet. */
import { useI18n } from 'vue-i18n';

export function useRuleWords() {
  const { t, te } = useI18n();
  const word = (group: string, name: string): string => {
    const key = `machine.${group}.${name}`;
    return te(key) || te(key, 'en') ? t(key) : name.replaceAll('-', ' ');
  };
  return {
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
