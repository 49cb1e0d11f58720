/** Names, colours and letters of whoever owns a host frame; the same in every panel. */
import type { FrameOwner } from '../../lab/protocol';
import { vmHue } from '../components/format';
import { useWords } from '../i18n';
import { useDocument } from '../stores/document';

function keyOf(owner: FrameOwner | null): string {
  switch (owner?.kind) {
    case 'vm':
      return `vm ${owner.vm}`;
    case 'vmm':
    case 'table':
      return `${owner.kind} ${owner.part}`;
    case 'device':
      return `device ${owner.device}`;
    default:
      return owner?.kind ?? 'free';
  }
}

export function useOwners() {
  const { t } = useWords();
  const lab = useDocument();
  const indexOf = (owner: FrameOwner | null): number | undefined => (owner?.kind === 'vm' ? lab.vmIndex.get(owner.vm) : undefined);

  /** CSS colour of the owner's fill. */
  function fill(owner: FrameOwner | null): string {
    const index = indexOf(owner);
    if (index !== undefined) return `var(--vm-${vmHue(index)})`;
    switch (owner?.kind) {
      case 'vmm':
        return 'var(--owner-vmm)';
      case 'table':
        return 'var(--owner-table)';
      case 'device':
        return 'var(--owner-device)';
      case 'preoccupied':
        return 'var(--border-strong)';
      default:
        return 'var(--owner-free)';
    }
  }
  function name(owner: FrameOwner | null): string {
    switch (owner?.kind) {
      case 'vm':
        return owner.vm;
      case 'device':
        return owner.device;
      case 'vmm':
        return t('virtualization.owner.vmm', { part: owner.part });
      case 'table':
        return t('virtualization.owner.table', { part: owner.part });
      case 'preoccupied':
        return t('virtualization.owner.preoccupied');
      default:
        return t('virtualization.owner.free');
    }
  }
  /** `fill` and `name` for thousands of frames at once: what they depend on is looked up one time, names are made once an owner. */
  function painter(): { fill: (owner: FrameOwner | null) => string; name: (owner: FrameOwner | null) => string } {
    const fills = new Map<string, string>();
    const names = new Map<string, string>();
    const remembered = (memory: Map<string, string>, make: (owner: FrameOwner | null) => string) => (owner: FrameOwner | null) => {
      const key = keyOf(owner);
      let known = memory.get(key);
      if (known === undefined) memory.set(key, (known = make(owner)));
      return known;
    };
    return { fill: remembered(fills, fill), name: remembered(names, name) };
  }
  return { indexOf, fill, name, painter };
}
