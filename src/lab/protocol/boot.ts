/** How a board or a VM started, and what a lab's checks say. */
import type { Language, Problem } from './problem';

export interface BootReport {
  vm: string | null;
  steps: BootStep[];
  refused: Problem | null;
}

export interface BootStep {
  kind: 'firmware' | 'header' | 'segment' | 'range-check' | 'copy' | 'zero' | 'jump' | 'table';
  text: Record<Language, string>;
  fields: Record<string, string | number | bigint>;
  ok: boolean;
}

export interface CheckResult {
  name: string;
  passed: boolean;
  detail: Record<Language, string>;
}
