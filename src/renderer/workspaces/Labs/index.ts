/** Labs: what there is to learn, opened with one click; the open lab's text and checks beside it. */
import { BookOpen, FlaskConical, Library } from '@lucide/vue';
import type { WorkspaceDefinition } from '../../docking/workspace';
import AboutPanel from './AboutPanel.vue';
import GalleryPanel from './GalleryPanel.vue';
import LabListPanel from './LabListPanel.vue';

const labs: WorkspaceDefinition = {
  id: 'labs',
  panels: {
    list: { title: 'labs.panels.list', icon: Library, component: LabListPanel },
    gallery: { title: 'labs.panels.gallery', icon: FlaskConical, component: GalleryPanel },
    about: { title: 'labs.panels.about', icon: BookOpen, component: AboutPanel },
  },
  layout: {
    split: 'row',
    of: [
      { px: 230, panels: ['list'] },
      { share: 1, panels: ['gallery'], headless: true },
      { px: 350, panels: ['about'] },
    ],
  },
};
export default labs;
