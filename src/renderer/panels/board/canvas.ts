/** What the canvas remembers while other workspaces are shown: where parts were moved to, the view, and the DIMM that is being carried. */
import { defineStore } from 'pinia';
import { ref, shallowRef, watch } from 'vue';
import { useDocument } from '../../stores/document';

export interface Place {
  x: number;
  y: number;
}

/** A DIMM under way to a slot: from the catalogue, or from another slot. */
export interface Held {
  dimm: string;
  from: string | null;
}

export const useCanvas = defineStore('board-canvas', () => {
  const lab = useDocument();
  /** places that differ from the drawing's own, by node */
  const places = shallowRef<ReadonlyMap<string, Place>>(new Map());
  const view = shallowRef<{ x: number; y: number; zoom: number } | null>(null);
  /** under the pointer */
  const dragged = shallowRef<Held | null>(null);
  /** on the clipboard */
  const copied = shallowRef<Held | null>(null);
  const miniMap = ref<boolean | null>(null);

  watch(
    () => lab.opened,
    () => {
      places.value = new Map();
      view.value = null;
      copied.value = null;
    },
  );
  const place = (moved: Iterable<[node: string, place: Place]>): void => {
    places.value = new Map([...places.value, ...moved]);
  };
  const tidy = (): void => {
    places.value = new Map();
    view.value = null;
  };
  return { places, view, dragged, copied, miniMap, place, tidy };
});
