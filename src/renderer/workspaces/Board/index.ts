/** The Board workspace: the drawing, the parts for it, who answers at each address, and what is wrong. */
import { CircleAlert, CircuitBoard, Cpu, Flame, LibraryBig, List, Ruler, SlidersHorizontal } from '@lucide/vue';
import type { WorkspaceDefinition } from '../../docking/workspace';
import AddressMapPanel from '../../panels/board/AddressMapPanel.vue';
import BoardCanvas from '../../panels/board/BoardCanvas.vue';
import BoardListPanel from '../../panels/board/BoardListPanel.vue';
import BoardProblemsPanel from '../../panels/board/BoardProblemsPanel.vue';
import InspectorPanel from '../../panels/board/InspectorPanel.vue';
import PartsPanel from '../../panels/board/PartsPanel.vue';
import ChipsetPanel from '../../panels/chipset/ChipsetPanel.vue';
import DramPanel from '../../panels/dram/DramPanel.vue';
import BoardToolbar from './BoardToolbar.vue';

const workspace: WorkspaceDefinition = {
  id: 'board',
  toolbar: BoardToolbar,
  panels: {
    parts: { title: 'board.panels.parts', icon: LibraryBig, component: PartsPanel, scrolls: false },
    board: { title: 'board.panels.board', icon: CircuitBoard, component: BoardCanvas, scrolls: false },
    list: { title: 'board.panels.list', icon: List, component: BoardListPanel },
    chipset: { title: 'chipset.panel', icon: Cpu, component: ChipsetPanel, scrolls: false },
    problems: { title: 'board.panels.problems', icon: CircleAlert, component: BoardProblemsPanel },
    map: { title: 'board.panels.map', icon: Ruler, component: AddressMapPanel, scrolls: false },
    dram: { title: 'board.panels.dram', icon: Flame, component: DramPanel },
    inspector: { title: 'board.panels.inspector', icon: SlidersHorizontal, component: InspectorPanel },
  },
  layout: {
    split: 'row',
    of: [
      { panels: ['parts'], px: 222 },
      { split: 'column', of: [{ panels: ['board', 'list', 'chipset'] }, { panels: ['problems'], px: 108 }] },
      { panels: ['map'], px: 240 },
      { panels: ['inspector', 'dram'], px: 268 },
    ],
  },
};
export default workspace;
