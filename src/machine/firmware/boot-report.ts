/** What the firmware tells about a boot: steps in the order it takes them, and, if it refuses, why and what to do. */

export interface BootText {
  en: string;
  'zh-CN': string;
}

export const bootText = (en: string, zh: string): BootText => ({ en, 'zh-CN': zh });

/** One visible step. `fields` are numbers and names for tables; addresses and sizes are in bytes. */
export interface BootStep {
  kind: 'firmware' | 'header' | 'segment' | 'range-check' | 'copy' | 'zero' | 'jump' | 'table';
  text: BootText;
  fields: Record<string, string | number | bigint>;
  ok: boolean;
}

export interface BootRefusal {
  /** kebab-case, begins with `boot-` */
  code: string;
  message: BootText;
  remedy: BootText;
}

/** Leaves the boot with a refusal; thrown and caught inside the firmware only. */
export class BootRefusedError extends Error {
  constructor(readonly refusal: BootRefusal) {
    super(refusal.message.en);
    this.name = 'BootRefusedError';
  }
}

export function refuse(code: string, message: BootText, remedy: BootText): never {
  throw new BootRefusedError({ code, message, remedy });
}
