/** What a check finds, in both languages, and the words that several kinds of checks share. */
import { formatAddress } from '../../machine/address';
import { text, type Text } from '../document/problem';
import type { Check } from '../document/schema';

export type Verdict = { passed: boolean; detail: Text };
/** What a check of one kind says. */
export type Body<K extends string> = Extract<Check, Record<K, unknown>> extends Record<K, infer V> ? V : never;

export const verdict = (passed: boolean, en: string, zh: string): Verdict => ({ passed, detail: text(en, zh) });
export const hex = (address: number): string => formatAddress(address);
export const counted = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`;
