/** Dropping a part of the catalogue on the canvas: it stands where it was dropped, a slot dropped on a controller is wired to it. */
import { useWords } from '../../i18n';
import { useDocument } from '../../stores/document';
import { useUi } from '../../stores/ui';
import { useBoardView } from './board-view';
import { useCanvas, type Held } from './canvas';
import { addItem, misfitWords, whyNot } from './catalogue';
import { offerWhileOn } from './catalogue-hot';
import { drawBoard, PLAIN_CONTROLLER, type PartBox, type PartKind } from './drawing';
import {
  addBridge,
  controllerKind,
  MOST_SLOTS_A_CHANNEL,
  movePatches,
  moveDimm,
  plug,
  plugInto,
  portFor,
  wireSlot,
  type BridgeKind,
  type BoardChange,
  type Place,
} from './edits';
import { kindAndId } from './edits/change';
import { misfit } from './fit';
import { useBoardEdit } from './use-board-edit';

export const PART_TYPE = 'application/x-pagewalk-part';

export function useDrop() {
  const lab = useDocument();
  const view = useBoardView();
  const canvas = useCanvas();
  const ui = useUi();
  const { say, t } = useWords();
  const { change } = useBoardEdit();

  /** Whether a part of this kind lights up for what is being carried. */
  function welcomes(part: Pick<PartBox, 'kind' | 'id'>): boolean {
    const held = canvas.dragged?.kind;
    if (held === undefined) return false;
    if (view.locked) return part.kind === 'bridge' && hotPort(part.id, canvas.dragged) !== null;
    if (part.kind === 'bridge') return bridgePort(part.id) !== null;
    const hosts: Partial<Record<string, PartKind>> = { processor: 'processor', slot: 'controller', iommu: 'iommu' };
    return hosts[held] === part.kind && part.id !== PLAIN_CONTROLLER && !(held === 'iommu' && view.board?.iommu?.present);
  }

  /** The port of a bridge that would take what is being carried; null when it takes nothing of that kind, or is full. */
  function bridgePort(bridge: string): string | null {
    const held = canvas.dragged;
    if (!view.board || (held?.kind !== 'device' && held?.kind !== 'bridge')) return null;
    if (held.id === 'root-port') return null;
    return portFor(view.board, held.kind === 'device' ? 'device' : (held.id as BridgeKind), bridge) ?? null;
  }

  /** With the power on: the change that plugs the device that is carried into this bridge; null when it takes none now. */
  function hotPort(bridge: string, held: Held | null): BoardChange | null {
    const offer = view.board && held?.kind === 'device' ? offerWhileOn(view.board, held, bridge) : null;
    const [part] = offer && 'target' in offer ? offer.target.split('.') : [];
    return offer && 'change' in offer && part === bridge ? offer.change : null;
  }

  /** The change, and the place of what it brings, around the point where it was dropped; a controller's slots stand beside it. */
  function placed(wanted: BoardChange, held: Held, at: Place): BoardChange {
    const board = view.board;
    const node = wanted.look;
    if (!board || !node || held.kind === 'processor' || held.kind === 'iommu') return wanted;
    const [kind, id] = kindAndId(node);
    const size = drawBoard({
      slots: kind === 'slot' ? [{ id, dimm: null }] : [],
      devices: kind === 'device' ? [{ id, kind: held.id }] : [],
      bridges: kind === 'bridge' ? [{ id, kind: 'root-port' }] : [],
      apic: { present: true },
    }).parts.find((part) => part.kind === kind);
    const corner = { x: at.x - (size?.width ?? 0) / 2, y: at.y - (size?.height ?? 0) / 2 };
    return { ...wanted, patches: [...wanted.patches, ...movePatches(board, [[node, corner]])] };
  }

  /** The channel of a controller with room for one slot more; null when all are full and no more channels fit. */
  function channelWithRoom(id: string): number | null {
    const controller = view.board?.controllers?.find((each) => each.id === id);
    if (!controller) return null;
    const lists = controller[controllerKind(controller)];
    const most = controllerKind(controller) === 'banks' ? 8 : MOST_SLOTS_A_CHANNEL;
    const open = lists.findIndex((list) => list.length < most);
    if (open >= 0) return open;
    return lists.length < 8 ? lists.length : null;
  }

  /** Takes what is carried at a point of the drawing, on a part when there is one. True when the board has changed. */
  function drop(held: Held, at: Place, onto: Pick<PartBox, 'kind' | 'id'> | null): boolean {
    const { board } = view;
    if (!lab.document || !board) return false;
    if (view.locked && held.kind !== 'dimm') {
      const plugged = onto?.kind === 'bridge' ? hotPort(onto.id, held) : null;
      if (plugged) return change(plugged);
      const offer = offerWhileOn(board, held, null);
      ui.notify({ tone: 'error', text: 'why' in offer ? say(offer.why) : t('board.said.dropOnPort', { port: offer.target }) });
      return false;
    }
    const refusal = held.kind === 'dimm' || onto?.kind === 'bridge' ? null : whyNot(lab.document, held, null);
    if (refusal) {
      ui.notify({ tone: 'error', text: say(refusal) });
      return false;
    }
    if (held.kind === 'dimm' && view.locked && onto?.kind === 'slot' && !view.isHotSlot(onto.id)) {
      const offer = offerWhileOn(board, held, null);
      ui.notify({ tone: 'error', text: 'why' in offer ? say(offer.why) : t('board.said.notHot', { slot: onto.id, other: offer.target }) });
      return false;
    }
    if (held.kind === 'dimm') {
      const found = onto?.kind === 'slot' ? misfit(board, onto.id, held.id, held.from) : null;
      ui.notify({ tone: 'neutral', text: found ? say(misfitWords(found)) : t('board.said.dropOnSlot') });
      return false;
    }
    const wanted = addItem(lab.document, held, null);
    if (!wanted) return false;
    if (onto?.kind === 'bridge' && (held.kind === 'device' || (held.kind === 'bridge' && held.id !== 'root-port'))) {
      const port = portFor(board, held.kind === 'device' ? 'device' : (held.id as BridgeKind), onto.id);
      if (port === undefined) {
        ui.notify({ tone: 'error', text: t('board.said.noPort', { bridge: onto.id }) });
        return false;
      }
      const [, id] = kindAndId(wanted.look ?? '');
      return change(
        held.kind === 'bridge'
          ? addBridge(board, held.id as BridgeKind, port)
          : { ...wanted, patches: [...wanted.patches, ...plugInto('devices', id, port).patches] },
      );
    }
    if (held.kind === 'slot' && onto?.kind === 'controller' && onto.id !== PLAIN_CONTROLLER) {
      const channel = channelWithRoom(onto.id);
      const [, id] = kindAndId(wanted.look ?? '');
      if (channel === null) {
        ui.notify({ tone: 'error', text: t('board.said.full', { controller: onto.id }) });
        return false;
      }
      return change({ ...wanted, patches: [...wanted.patches, ...wireSlot(board, id, { controller: onto.id, channel }).patches] });
    }
    return change(placed(wanted, held, at));
  }

  /** A DIMM goes into a slot: from the catalogue, or from another slot. */
  const put = (slot: string, dimm: string, from: string | null): boolean =>
    view.board !== null && change({ ...(from === null ? plug(view.board, slot, dimm) : moveDimm(view.board, from, slot)), look: `slot:${slot}` });

  return { welcomes, drop, put };
} // prettier-ignore
