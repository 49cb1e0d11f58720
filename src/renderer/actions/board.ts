/** What can be done on the board, for menu and palette. The keys are the canvas's own: they mean this while it has the focus. */
import { nextTick } from 'vue';
import { useCanvas } from '../panels/board/canvas';
import type { Edge } from '../panels/board/edits';
import { sampleBoards } from '../panels/board/samples';
import { useBoardCommands } from '../panels/board/use-board-commands';
import { useBoards } from '../panels/board/use-boards';
import { useBoardView } from '../panels/board/board-view';
import type { Action } from './action';
import type { ActionContext } from './context';

const EDGES: readonly Edge[] = ['left', 'middle', 'right', 'top', 'centre', 'bottom'];

export function boardActions({ ui, say, t }: ActionContext): Action[] {
  const canvas = useCanvas();
  const view = useBoardView();
  const commands = useBoardCommands();
  const boards = useBoards();
  const here = (): boolean => ui.workspace === 'board' && view.board !== null;
  const unlocked = (): boolean => here() && !view.locked;
  const several = (): boolean => here() && commands.several.value;
  /** The board is in front before its parts are acted on. */
  const onBoard = async (perform: () => unknown): Promise<void> => {
    ui.go('board', 'board');
    await nextTick();
    perform();
  };
  return [
    { id: 'board.addPart', title: 'board.action.addPart', canvasKeys: ['A'], enabled: () => view.board !== null && !view.locked, perform: () => ui.go('board', 'parts') },
    { id: 'board.go', title: 'board.action.go', canvasKeys: ['arrows'], enabled: here, perform: () => onBoard(() => (canvas.wanted = canvas.focused?.node ?? null)) },
    { id: 'board.remove', title: 'board.action.remove', canvasKeys: ['Delete'], enabled: unlocked, perform: () => commands.remove() },
    { id: 'board.cut', title: 'board.action.cut', canvasKeys: ['Ctrl+X'], enabled: unlocked, perform: () => commands.cut() },
    { id: 'board.copy', title: 'board.action.copy', canvasKeys: ['Ctrl+C'], enabled: here, perform: () => commands.copy() },
    { id: 'board.paste', title: 'board.action.paste', canvasKeys: ['Ctrl+V'], enabled: unlocked, perform: () => commands.paste() },
    { id: 'board.pasteNew', title: 'board.action.pasteNew', canvasKeys: ['Ctrl+Shift+V'], enabled: unlocked, perform: () => commands.pasteNew() },
    { id: 'board.duplicate', title: 'board.action.duplicate', canvasKeys: ['Ctrl+D'], enabled: unlocked, perform: () => commands.duplicate() },
    { id: 'board.choose', title: 'board.action.choose', canvasKeys: ['Ctrl+Space'], enabled: () => false, perform: () => undefined },
    { id: 'board.chooseAll', title: 'board.action.chooseAll', canvasKeys: ['Ctrl+A'], enabled: here, perform: () => commands.all() },
    { id: 'board.move', title: 'board.action.move', canvasKeys: ['Alt+arrows'], enabled: () => false, perform: () => undefined },
    { id: 'board.group', title: 'board.action.group', canvasKeys: ['Ctrl+G'], enabled: several, perform: () => commands.group() },
    { id: 'board.ungroup', title: 'board.group.dissolve', canvasKeys: ['Ctrl+Shift+G'], enabled: () => here() && commands.grouped.value !== null, perform: () => commands.dissolve() },
    { id: 'board.rename', title: 'board.action.rename', canvasKeys: ['F2'], enabled: unlocked, perform: () => commands.rename() },
    { id: 'board.fold', title: 'board.group.fold', canvasKeys: ['E'], enabled: () => here() && commands.grouped.value !== null, perform: () => commands.fold() },
    ...EDGES.map((edge): Action => ({ id: `board.align.${edge}`, title: `board.canvas.align.${edge}`, enabled: several, perform: () => commands.alignTo(edge) })),
    ...(['x', 'y'] as const).map((axis): Action => ({
      id: `board.distribute.${axis}`,
      title: `board.canvas.distribute.${axis}`,
      enabled: () => here() && commands.targets.value.length > 2,
      perform: () => commands.distributeAlong(axis),
    })),
    { id: 'board.tidy', title: 'board.canvas.tidy', enabled: here, perform: () => commands.tidyUp() },
    { id: 'board.fit', title: 'board.canvas.fit', canvasKeys: ['0'], enabled: here, perform: () => canvas.fit() },
    { id: 'board.zoom', title: 'board.action.zoom', canvasKeys: ['+', '-'], enabled: () => false, perform: () => undefined },
    { id: 'board.empty', title: 'board.toolbar.empty', name: () => t('board.action.board', { title: t('board.toolbar.empty') }), enabled: () => view.board !== null && !view.locked, perform: () => onBoard(boards.takeEmpty) },
    ...sampleBoards().map((sample): Action => ({
      id: `board.sample.${sample.name}`,
      title: 'board.toolbar.boards',
      name: () => t('board.action.board', { title: say(sample.title) }),
      enabled: () => view.board !== null && !view.locked,
      perform: () => onBoard(() => boards.takeBoard(sample)),
    })),
  ];
} // prettier-ignore
