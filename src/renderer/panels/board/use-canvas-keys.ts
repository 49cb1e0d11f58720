/** The canvas by keyboard: one tab stop, arrow keys from part to part, and a key for everything that the pointer can do. */
import { nextTick } from 'vue';
import { useSelection } from '../../stores/selection';
import { useUi } from '../../stores/ui';
import { isInspectable, useCanvas } from './canvas';
import { neighbour, type PartBox } from './drawing';
import { useBoardCommands } from './use-board-commands';

const GRID = 8;
const STEPS: Readonly<Record<string, readonly [dx: number, dy: number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

export interface CanvasMoves {
  /** puts the keyboard on a part, in view */
  goTo(part: PartBox): Promise<void>;
  reveal(part: PartBox): void;
  toggle(part: PartBox): void;
  zoom(by: number): Promise<void>;
}

export function useCanvasKeys(moves: CanvasMoves) {
  const canvas = useCanvas();
  const ui = useUi();
  const selection = useSelection();
  const commands = useBoardCommands();

  /** After parts have left, the keyboard goes to what is nearest to where it was. */
  function removeAt(part: PartBox): void {
    const gone = new Set(canvas.targets);
    const others = canvas.parts.filter(({ node }) => !gone.has(node));
    const next =
      neighbour(part, others, 'ArrowUp') ?? neighbour(part, others, 'ArrowDown') ?? neighbour(part, others, 'ArrowLeft') ?? others[0];
    if (commands.remove()) void nextTick(() => moves.goTo(canvas.partAt(part.node) ?? canvas.partAt(next?.node ?? '') ?? part));
  }
  /** Commands may have made parts: the keyboard follows to them. */
  const follow = (done: boolean): void => {
    if (done) void nextTick(() => canvas.focused && moves.goTo(canvas.focused));
  };
  const CONTROL: Readonly<Record<string, (part: PartBox, shift: boolean) => void>> = {
    c: () => void commands.copy(),
    x: (part) => {
      const cut = commands.cut();
      if (cut && !canvas.partAt(part.node)) follow(true);
    },
    v: (_part, shift) => follow(shift ? commands.pasteNew() : commands.paste()),
    d: () => follow(commands.duplicate()),
    a: () => commands.all(),
    g: (_part, shift) => void (shift ? commands.dissolve() : commands.group()),
  };
  /** What the keyboard is at stays in view. */
  const zoomAt = async (part: PartBox, by: number): Promise<void> => {
    await moves.zoom(by);
    moves.reveal(part);
  };
  const PLAIN: Readonly<Record<string, (part: PartBox) => void>> = {
    '+': (part) => void zoomAt(part, 1.25),
    '=': (part) => void zoomAt(part, 1.25),
    '-': (part) => void zoomAt(part, 0.8),
    '0': () => canvas.fit(),
    a: () => ui.go('board', 'parts'),
    e: () => follow(commands.fold()),
    F2: (part) => {
      canvas.look(part.node);
      commands.rename();
    },
    Insert: () => ui.go('board', 'parts'),
    Escape: () => void (canvas.chosen = []),
  };

  function onKey(event: KeyboardEvent): void {
    const node = (event.target as HTMLElement).dataset['part'];
    const part = node === undefined ? undefined : canvas.partAt(node);
    if (!part) return;
    const control = event.ctrlKey || event.metaKey;
    const letter = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const step = STEPS[event.key];
    // the part that has the focus is the one that is meant
    canvas.last = part.node;
    const meant = (): void => void (canvas.focused?.node !== part.node && canvas.look(part.node));
    if (step && event.altKey && !control) {
      meant();
      const far = event.shiftKey ? GRID * 8 : GRID * 2;
      commands.moveBy(step[0] * far, step[1] * far);
      void nextTick(() => moves.reveal(canvas.partAt(part.node) ?? part));
    } else if (step && !control) {
      const next = neighbour(part, canvas.parts, event.key);
      if (next) void moves.goTo(next);
    } else if (event.key === ' ' && control) moves.toggle(part);
    else if ((event.key === 'Enter' || event.key === ' ') && !control) {
      canvas.look(part.node);
      if (event.key === 'Enter' && isInspectable(part)) ui.go('board', 'inspector');
    } else if (event.key === 'Delete' || event.key === 'Backspace') {
      canvas.look(part.node);
      removeAt(part);
    } else if (control && CONTROL[letter]) {
      if (selection.part?.startsWith('group:')) canvas.look(part.node);
      meant();
      CONTROL[letter](part, event.shiftKey);
    } else if (!control && PLAIN[letter]) {
      meant();
      PLAIN[letter](part);
    } else return;
    event.preventDefault();
  }
  return { onKey };
}
