/** A sentence for people, in both languages; and an error that carries one. */
export interface Text {
  en: string;
  'zh-CN': string;
}

/** Something in the lab makes the VMM impossible to set up: what, where, and what to do about it. */
export class VmmSetupError extends Error {
  constructor(
    readonly code: 'vmm-out-of-memory' | 'vmm-unknown-device' | 'vmm-device-taken' | 'vmm-memory-size' | 'vmm-duplicate-vm' | 'vmm-iommu',
    readonly text: Text,
    readonly remedy: Text,
    readonly vm?: string,
  ) {
    super(text.en);
    this.name = 'VmmSetupError';
  }
}
