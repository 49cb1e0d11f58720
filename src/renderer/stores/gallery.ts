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

export const useGallery = defineStore('gallery', () => {
  const bridge = useBridge();
  const labs = shallowRef<readonly GalleryLab[]>([]);
  let loading: Promise<void> | null = null;

  async function read(): Promise<void> {
    const shipped = await bridge.listShipped();
    // the shell gives them in the order in which they are taught
    labs.value = shipped.map(({ name, yaml }): GalleryLab => {
      const { document } = loadLab(yaml, {});
      return { name, title: document?.title ?? name, text: document?.text ?? '', document };
    });
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
