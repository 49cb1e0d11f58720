/** Making problems: one shape for everything that is wrong with a lab, in both languages, with the place and the remedy. */
import type { Language, Problem } from '../protocol';

export type Text = Record<Language, string>;

export const text = (en: string, zh: string): Text => ({ en, 'zh-CN': zh });

type Where = Partial<Pick<Problem, 'file' | 'line' | 'column' | 'endLine' | 'endColumn' | 'path' | 'part' | 'vm'>>;

export const error = (code: string, message: Text, remedy?: Text, where: Where = {}): Problem => ({
  severity: 'error',
  code,
  message,
  ...(remedy ? { remedy } : {}),
  ...where,
});

export const warning = (code: string, message: Text, remedy?: Text, where: Where = {}): Problem => ({
  ...error(code, message, remedy, where),
  severity: 'warning',
});

export const hasErrors = (problems: readonly Problem[]): boolean => problems.some(({ severity }) => severity === 'error');

/** `write a, b or c` / `可以写 a、b 或 c`; undefined when there is nothing to offer */
export function suggestNames(names: readonly string[]): Text | undefined {
  if (names.length === 0) return undefined;
  const last = names.at(-1)!;
  const rest = names.slice(0, -1);
  return rest.length === 0
    ? text(`Did you mean ${last}?`, `是否想写 ${last}？`)
    : text(`Nearest names: ${rest.join(', ')} or ${last}.`, `相近的名称：${rest.join('、')} 或 ${last}。`);
}
