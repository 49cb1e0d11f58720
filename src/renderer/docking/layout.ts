/**
 * A workspace's default arrangement, as rows and columns of tab groups, and its translation into what dockview restores.
 * Sizes are pixels for side panels and shares of what is left for the rest, so one description fits every window.
 */
import { Orientation, type SerializedDockview } from 'dockview-vue';

/** Pixels when `px` is given, else a share (1 unless told) of what the pixel-sized siblings leave. */
interface Sized {
  px?: number;
  share?: number;
}
export interface TabGroup extends Sized {
  panels: readonly string[];
  /** the tab on top; the first one unless told */
  active?: string;
  /** one panel without a tab strip: the subject of the workspace */
  headless?: boolean;
}
export interface Split extends Sized {
  /** `row`: side by side; `column`: one above the other. A child split must turn the other way. */
  split: 'row' | 'column';
  of: readonly LayoutNode[];
}
export type LayoutNode = TabGroup | Split;

const MINIMUM = 60;
const isSplit = (node: LayoutNode): node is Split => 'split' in node;

type GridObject = SerializedDockview['grid']['root'];

/** Pixel sizes of siblings along an axis `total` pixels long: they sum up to it, and none is below 60 px while there is room. */
export function divide(nodes: readonly Sized[], total: number): number[] {
  const fixed = nodes.reduce((sum, node) => sum + (node.px ?? 0), 0);
  const shares = nodes.reduce((sum, node) => sum + (node.px === undefined ? (node.share ?? 1) : 0), 0);
  const room = Math.max(total - fixed, shares > 0 ? MINIMUM * nodes.length : 0);
  const wanted = nodes.map((node) => node.px ?? ((node.share ?? 1) / shares) * room);
  const sum = wanted.reduce((a, b) => a + b, 0);
  return wanted.map((size) => (size / sum) * total);
}

/**
 * Default layout → dockview's serialised form for a frame of `width` × `height` pixels. Throws when a split holds a split
 * of the same direction (dockview alternates), or a panel appears twice.
 */
export function toDockview(layout: LayoutNode, width: number, height: number): SerializedDockview {
  const panels: SerializedDockview['panels'] = {};
  let groups = 0;

  const leaf = (node: TabGroup, size: number): GridObject => {
    for (const id of node.panels) {
      if (panels[id]) throw new Error(`panel ${id} appears twice in a layout`);
      panels[id] = { id, contentComponent: 'panel', tabComponent: 'tab', title: id };
    }
    const id = `group-${++groups}`;
    const activeView = node.active ?? node.panels[0];
    return {
      type: 'leaf',
      size,
      data: { id, views: [...node.panels], ...(activeView ? { activeView } : {}), ...(node.headless ? { hideHeader: true } : {}) },
    };
  };
  const branch = (node: Split, along: number, across: number, size: number): GridObject => {
    const sizes = divide(node.of, along);
    const data = node.of.map((child, index) => {
      const childSize = sizes[index] ?? 0;
      if (!isSplit(child)) return leaf(child, childSize);
      if (child.split === node.split) throw new Error(`a ${child.split} directly inside a ${node.split}: merge them`);
      return branch(child, across, childSize, childSize);
    });
    return { type: 'branch', size, data };
  };

  const root: Split = isSplit(layout) ? layout : { split: 'row', of: [layout] };
  const horizontal = root.split === 'row';
  return {
    grid: {
      root: branch(root, horizontal ? width : height, horizontal ? height : width, horizontal ? height : width),
      width,
      height,
      orientation: horizontal ? Orientation.HORIZONTAL : Orientation.VERTICAL,
    },
    panels,
    activeGroup: 'group-1',
  };
}

/** A kept layout is used only while every panel in it still exists; what is missing from it stays closed. */
export function isUsable(kept: unknown, known: ReadonlySet<string>): kept is SerializedDockview {
  if (typeof kept !== 'object' || kept === null) return false;
  const { grid, panels } = kept as Partial<SerializedDockview>;
  if (typeof grid !== 'object' || grid === null || typeof panels !== 'object' || panels === null) return false;
  const ids = Object.keys(panels);
  return ids.length > 0 && ids.every((id) => known.has(id));
}
