/**
 * The words of the window in both languages. Each workspace brings its own file (`en/NAME.ts` and `zh-CN/NAME.ts`, a default
 * export of nested strings, reached as `NAME.key`); a spec proves that both languages have the same keys.
 */
import { createI18n, useI18n } from 'vue-i18n';
import type { Language } from '../../lab/protocol';

export interface Messages {
  [key: string]: string | Messages;
}
type MessageModule = { default: Messages };

const byName = (modules: Record<string, MessageModule>): Messages =>
  Object.fromEntries(Object.entries(modules).map(([path, module]) => [/([^/]+)\.ts$/.exec(path)?.[1] ?? path, module.default]));

export const messages: Record<Language, Messages> = {
  en: byName(import.meta.glob<MessageModule>('./en/*.ts', { eager: true })),
  'zh-CN': byName(import.meta.glob<MessageModule>('./zh-CN/*.ts', { eager: true })),
};

export function createMessages(language: Language) {
  return createI18n({ legacy: false, locale: language, fallbackLocale: 'en', messages, missingWarn: true, fallbackWarn: false });
}

/** A text that comes in both languages from the core (a problem, a check, a lab's title). Chinese falls back to English. */
export type LocalizedText = string | { en: string; 'zh-CN'?: string };

export const localize = (text: LocalizedText, language: string): string =>
  typeof text === 'string' ? text : language === 'zh-CN' ? (text['zh-CN'] ?? text.en) : text.en;

/** `t` for our own words, `say` for texts that carry both languages, `language` for anything else. */
export function useWords() {
  const { t, locale } = useI18n();
  return { t, say: (text: LocalizedText): string => localize(text, locale.value), language: locale };
}
