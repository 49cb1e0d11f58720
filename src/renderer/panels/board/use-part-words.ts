/** How each part of the board is called and what its box says. */
import { Binary, Download, Group, Network, Shield, Split, SquareTerminal, Waypoints } from '@lucide/vue';
import { formatAddress } from '../../../machine/address';
import { IO_APIC_BASE, IOMMU_BASE } from '../../../machine/board/windows';
import { useWords } from '../../i18n';
import { useCanvas } from './canvas';
import { PLAIN_CONTROLLER, type PartBox } from './drawing';
import type { ShownBoard } from './shown-board';
import type { usePartFacts } from './use-part-facts';

interface BoxLine {
  text: string;
  tone?: 'amber' | 'rose';
  mono?: boolean;
}
export const BOX_ICONS = {
  controller: Split,
  iommu: Shield,
  apic: Binary,
  bridge: Waypoints,
  firmware: Download,
  root: Network,
  legacy: SquareTerminal,
  group: Group,
};
export type BoxKind = keyof typeof BOX_ICONS;
export const isBox = (kind: PartBox['kind']): kind is BoxKind => Object.hasOwn(BOX_ICONS, kind);

type Facts = ReturnType<typeof usePartFacts>;
export type PartFacts = ReturnType<Facts['factsOf']>;

export function usePartWords({ bridges }: Facts, view: Pick<ShownBoard, 'hardware'>) {
  const canvas = useCanvas();
  const { t, say } = useWords();
  const groupName = ({ node, id }: PartBox): string => canvas.groupOf.get(node)?.name || t('board.group.unnamed', { id });
  const groupSize = ({ node }: PartBox): number => canvas.groupOf.get(node)?.parts.length ?? 0;

  /** as a screen reader says it, with what can be done */
  function nameOf(part: PartBox, { slot, device, bridge }: PartFacts): string {
    switch (part.kind) {
      case 'slot':
        return slot?.dimm
          ? t('board.slot.spoken', { slot: part.id, dimm: say(slot.dimm.name), base: slot.base === null ? '–' : formatAddress(slot.base) })
          : t('board.slot.spokenEmpty', { slot: part.id });
      case 'device':
        return t('board.part.device', { id: part.id, kind: device?.kind ?? '', at: device?.at ?? '–' });
      case 'controller':
        return part.id === PLAIN_CONTROLLER ? t('board.part.memoryController') : t('board.part.controller', { id: part.id });
      case 'iommu':
        return view.hardware?.iommu?.present ? 'IOMMU' : t('board.part.noIommu');
      case 'bridge':
        return t('board.bridge.spoken', { id: part.id, kind: t(`board.bridge.kind.${bridge?.kind ?? 'root-port'}`) });
      case 'apic':
        return 'APIC';
      case 'group':
        return t('board.group.spoken', { name: groupName(part), parts: t('board.group.parts', groupSize(part)) });
      default:
        return t(`board.part.${part.kind}`);
    }
  }
  const titleOf = (part: PartBox): string =>
    part.kind === 'controller'
      ? t('board.part.memoryController')
      : part.kind === 'iommu'
        ? 'IOMMU'
        : part.kind === 'bridge'
          ? part.id
          : part.kind === 'apic'
            ? 'APIC'
            : part.kind === 'group'
              ? groupName(part)
              : t(`board.part.${part.kind}`);
  const toneOf = (part: PartBox) => (part.kind !== 'iommu' ? 'plain' : view.hardware?.iommu?.present ? 'rose' : 'absent');

  function linesOf(part: PartBox): BoxLine[] {
    const board = view.hardware;
    if (!board) return [];
    switch (part.kind) {
      case 'iommu': {
        const state = board.iommu?.present ? (board.iommu.enabled ? 'on' : 'off') : 'noIommu';
        const base: BoxLine[] = board.iommu?.present ? [{ text: formatAddress(IOMMU_BASE), tone: 'amber', mono: true }] : [];
        return [{ text: t(`isolation.topology.${state}`) }, ...base];
      }
      case 'group':
        return [{ text: t('board.group.parts', groupSize(part)) }];
      case 'apic':
        return [{ text: formatAddress(IO_APIC_BASE), tone: 'amber', mono: true }];
      case 'firmware':
        return [{ text: t(`board.bases.${board.assignment}`) }, { text: t(`board.loader.${board.firmware?.loader ?? 'strict'}`) }];
      case 'root':
        return [{ text: t('board.part.devices', board.devices.length) }, { text: '00:00.0', mono: true }];
      case 'bridge': {
        const { kind, bus } = bridges.value.get(part.id) ?? {};
        return [{ text: t(`board.bridge.kind.${kind ?? 'root-port'}`) }, { text: bus ?? '–', mono: true }];
      }
      case 'legacy':
        return [{ text: t('board.part.legacyPorts') }, { text: '0x3F8, 0xE9', mono: true }];
      default: {
        const controller = board.controllers?.find(({ id }) => id === part.id);
        const [channels, banks] = [controller?.channels.length ?? 0, controller?.banks.length ?? 0];
        return [
          { text: controller?.order ?? 'RoBaRaCoCh', mono: true },
          ...(channels > 0 ? [{ text: t('board.part.channels', channels) }] : []),
          ...(banks > 0 ? [{ text: t('board.part.banks', banks) }] : []),
          ...(controller ? [{ text: controller.id }] : []),
        ];
      }
    }
  }
  return { nameOf, titleOf, toneOf, linesOf };
}
