/** The labs that come with Pagewalk: name, title, text, and what they are made of, read once. */
import { defineStore } from 'pinia';
import { shallowRef } from 'vue';
import { loadLab } from '../../lab/document/load';
import type { LabDocument, Localized } from '../../lab/document/schema';
import { useBridge } from './bridge';

export interface GalleryLab {
  name: string;
  title: Localized;
  text: Localized;
  /** null when the shipped file could not be read */
  document: LabDocument | null;
}

/** The order in which they build on each other; labs that are not named follow by name. */
const ORDER = ['four-dimms', 'kernel-at-1mib', 'two-vms-from-zero', 'segments-and-paging', 'malicious-dma'];

export const useGallery = defineStore('gallery', () => {
  const bridge = useBridge();
  const labs = shallowRef<readonly GalleryLab[]>([]);
  let loading: Promise<void> | null = null;

  async function read(): Promise<void> {
    const place = (name: string): number => (ORDER.includes(name) ? ORDER.indexOf(name) : ORDER.length);
    const shipped = await bridge.listShipped();
    labs.value = shipped
      .map(({ name, yaml }): GalleryLab => {
        const { document } = loadLab(yaml, {});
        return { name, title: document?.title ?? name, text: document?.text ?? '', document };
      })
      .sort((a, b) => place(a.name) - place(b.name) || a.name.localeCompare(b.name));
  }
  /** Reads the shipped labs the first time; later calls wait for the same reading. */
  function load(): Promise<void> {
    loading ??= read().catch((error: unknown) => {
      loading = null;
      throw error;
    });
    return loading;
  }
  return { labs, load };
});
