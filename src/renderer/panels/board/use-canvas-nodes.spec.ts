// @vitest-environment happy-dom
import { useVueFlow, type VueFlowStore } from '@vue-flow/core';
import { createApp, nextTick, shallowRef, type App } from 'vue';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { useDocument } from '../../stores/document';
import { OPENED, TestShell, withShell } from '../../stores/test-bridge';
import { useBoardView } from './board-view';
import { useCanvas } from './canvas';
import type { Load } from './carry';
import { moveParts, removeParts } from './edits';
import { useCanvasNodes, type CanvasMoment, type Face } from './use-canvas-nodes';
import { usePartFacts } from './use-part-facts';

const SLOTS = Array.from({ length: 40 }, (_, i) => `S${i}`);
const YAML = [
  'format: pagewalk.lab/1', 'title: Forty slots', 'board:', '  processor: p6-server', '  assignment: automatic', '  controllers:',
  ...[0, 1].map((n) => `    - { id: mc${n}, channels: [${[0, 1, 2, 3, 4].map((c) => `[${SLOTS.slice(n * 20 + c * 4, n * 20 + c * 4 + 4).join(', ')}]`).join(', ')}] }`),
  '  slots:', ...SLOTS.map((id) => `    - { id: ${id}, dimm: ddr3-256m }`), 'machine: { program: main.asm }', 'files: { main.asm: hlt }', '',
].join('\n'); // prettier-ignore
const LABEL = { en: 'Change', 'zh-CN': '更改' };

let app: App;
let flow: VueFlowStore;
let lab: ReturnType<typeof useDocument>;
let canvas: ReturnType<typeof useCanvas>;
let board: ReturnType<typeof useBoardView>;
let nodes: ReturnType<typeof useCanvasNodes>;
const moment = shallowRef<CanvasMoment>(undefined as never);
/** what a panel's turn does: it shows the board as it is now */
const turn = async (): Promise<void> => {
  const { drawing, parts, shapes, frames, wires } = canvas;
  moment.value = { drawing, parts, shapes, frames, wires };
  await nextTick();
};
const ids = (): string[] => flow.nodes.value.map(({ id }) => id);
/** what a carried load is told: the parts that are put down, and the end of it */
const carried = (told: string[]): Load => ({ move: () => undefined, putDown: (node) => told.push(node), putBack: () => told.push('end') });
const drawnParts = (): number => canvas.parts.filter(({ node }) => flow.findNode(node)).length;

beforeEach(async () => {
  vi.useFakeTimers();
  const { use } = withShell(new TestShell());
  lab = use(useDocument);
  canvas = use(useCanvas);
  board = use(useBoardView);
  lab.adopt({ ...OPENED, yaml: YAML, files: {} });
  app = createApp({
    setup() {
      flow = useVueFlow('board-spec');
      const { drawing, parts, shapes, frames, wires } = canvas;
      moment.value = { drawing, parts, shapes, frames, wires };
      nodes = useCanvasNodes(flow, moment, usePartFacts(board).factsOf);
      return () => null;
    },
  });
  app.mount(document.createElement('div'));
  await nextTick();
  vi.runAllTimers();
});
afterEach(() => {
  app.unmount();
  vi.useRealTimers();
});

it('parts that have gone are taken out, and those that stay are the nodes they were', async () => {
  expect(nodes.complete.value).toBe(true);
  const before = new Map(flow.nodes.value.map((node) => [node.id, node]));
  lab.patch(removeParts(lab.document!, ['controller:mc0']).patches, LABEL);
  expect([nodes.complete.value, flow.nodes.value.length]).toEqual([false, before.size]);
  await turn();
  expect([flow.nodes.value.length < before.size, drawnParts()]).toEqual([true, canvas.parts.length]);
  vi.runAllTimers();
  expect([nodes.complete.value, nodes.wiring.value.wires]).toEqual([true, canvas.wires]);
  expect(flow.nodes.value.every((node) => before.get(node.id) === node)).toBe(true);
});

it('many new parts come a few at a time, each where it belongs in the order', async () => {
  const order = ids();
  lab.patch(removeParts(lab.document!, ['controller:mc0']).patches, LABEL);
  await turn();
  vi.runAllTimers();
  const few = drawnParts();
  lab.undo();
  await turn();
  expect([drawnParts(), nodes.complete.value]).toEqual([few, false]);
  const steps: number[] = [];
  while (!nodes.complete.value) {
    vi.advanceTimersToNextTimer();
    steps.push(drawnParts());
  }
  expect(Math.max(...steps.map((count, i) => count - (steps[i - 1] ?? few)))).toBeLessThanOrEqual(12);
  expect(ids()).toEqual(order);
});

it('a move tells only the part that was moved, and what was carried is put down in the same turn', async () => {
  const told: string[] = [];
  const part = canvas.partAt('slot:S7')!;
  const places = flow.nodes.value.map((node) => [node, node.position] as const);
  lab.patch(moveParts(lab.document!.board, new Map([['slot:S7', { x: part.x + 8, y: part.y }]])).patches, LABEL);
  nodes.takeOver(carried(told));
  expect([told, nodes.upToDate()]).toEqual([[], false]);
  await turn();
  expect([told, nodes.upToDate()]).toEqual([['slot:S7', 'end'], true]);
  expect(places.filter(([node, at]) => node.position !== at).map(([{ id }]) => id)).toEqual(['slot:S7']);
  nodes.takeOver(carried(told));
  expect(told).toEqual(['slot:S7', 'end', 'end']);
});

it('a move that is taken back before it was drawn moves nothing', async () => {
  const part = canvas.partAt('slot:S7')!;
  const at = { ...flow.findNode('slot:S7')!.position };
  lab.patch(moveParts(lab.document!.board, new Map([['slot:S7', { x: part.x + 80, y: part.y }]])).patches, LABEL);
  lab.undo();
  await turn();
  expect(flow.findNode('slot:S7')!.position).toEqual(at);
  expect(lab.yaml).toBe(YAML);
});

/** Everything goes so far to the right. */
function shiftAll(by: number): void {
  const places = new Map(canvas.parts.map(({ node, x, y }) => [node, { x: x + by, y }]));
  lab.patch(moveParts(lab.document!.board, places).patches, LABEL);
}
const displaced = (): number => canvas.parts.filter(({ node, x }) => flow.findNode(node)?.position.x !== x).length;

it('many that have moved follow a few at a time', async () => {
  shiftAll(50);
  await turn();
  const { length } = canvas.parts;
  const first = displaced();
  expect([first > 0 && first < length, nodes.complete.value, nodes.upToDate()]).toEqual([true, false, false]);
  vi.runAllTimers();
  expect([displaced(), nodes.complete.value, nodes.upToDate()]).toEqual([0, true, true]);
});

it('many that were carried are put down a few at a time, each as it gets its place, and the wires with the last', async () => {
  const told: string[] = [];
  const wires = nodes.wiring.value;
  shiftAll(50);
  nodes.takeOver(carried(told));
  await turn();
  for (let steps = 0; !nodes.complete.value; steps++) {
    expect(steps).toBeLessThan(20);
    const placed = canvas.parts.filter(({ node, x }) => flow.findNode(node)!.position.x === x).map(({ node }) => node);
    expect([told.filter((node) => canvas.partAt(node)).sort(), nodes.wiring.value]).toEqual([placed.sort(), wires]);
    vi.advanceTimersToNextTimer();
  }
  expect([told.filter((each) => each === 'end'), told.at(-1), displaced()]).toEqual([['end'], 'end', 0]);
  expect(nodes.wiring.value).toEqual({ wires: canvas.wires, parts: canvas.parts });
});

it('what was being put down when the board changed again is not carried any more', async () => {
  const told: string[] = [];
  shiftAll(50);
  nodes.takeOver(carried(told));
  await turn();
  lab.undo();
  await turn();
  expect(told.at(-1)).toBe('end');
  const { length } = told;
  vi.runAllTimers();
  expect([told.length, displaced(), lab.yaml]).toEqual([length, 0, YAML]);
});

it('a slot that shows something else is told, and only it', async () => {
  const before = new Map(flow.nodes.value.map(({ id, data }) => [id, data as unknown]));
  lab.patch([{ op: 'set', path: 'board.slots.S39.dimm', value: 'ddr3-512m' }], LABEL);
  await turn();
  expect(flow.nodes.value.filter(({ id, data }) => data !== before.get(id)).map(({ id }) => id)).toEqual(['slot:S39']);
  expect((flow.findNode('slot:S39')!.data as Face).facts.slot?.dimm?.id).toBe('ddr3-512m');
});

it('who takes hold of a part while others are on their way has all of them in place', async () => {
  shiftAll(50);
  await turn();
  nodes.settle();
  expect([displaced(), nodes.upToDate(), nodes.complete.value]).toEqual([0, true, true]);
  lab.undo();
  await turn();
  vi.runAllTimers();
  expect([displaced(), lab.yaml]).toEqual([0, YAML]);
});
