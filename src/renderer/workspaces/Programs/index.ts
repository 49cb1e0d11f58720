/** Programs: the lab's files, edited and assembled as they are typed, with what became of them beneath. */
import { CircleAlert, FileCodeCorner, Files, List, ListOrdered, SquareTerminal } from '@lucide/vue';
import type { WorkspaceDefinition } from '../../docking/workspace';
import BootPanel from '../../panels/shared/BootPanel.vue';
import ConsolePanel from '../../panels/shared/ConsolePanel.vue';
import ProblemsPanel from '../../panels/shared/ProblemsPanel.vue';
import EditorPanel from './EditorPanel.vue';
import FilesPanel from './FilesPanel.vue';
import ListingPanel from './ListingPanel.vue';
import ProgramsToolbar from './ProgramsToolbar.vue';

const programs: WorkspaceDefinition = {
  id: 'programs',
  toolbar: ProgramsToolbar,
  panels: {
    files: { title: 'programs.panels.files', icon: Files, component: FilesPanel },
    editor: { title: 'programs.panels.editor', icon: FileCodeCorner, component: EditorPanel, scrolls: false },
    problems: { title: 'shell.problems.title', icon: CircleAlert, component: ProblemsPanel },
    listing: { title: 'programs.panels.listing', icon: List, component: ListingPanel },
    console: { title: 'shell.console.title', icon: SquareTerminal, component: ConsolePanel },
    boot: { title: 'shell.boot.title', icon: ListOrdered, component: BootPanel },
  },
  layout: {
    split: 'row',
    of: [
      { px: 226, panels: ['files'] },
      {
        split: 'column',
        share: 1,
        of: [
          { share: 1, panels: ['editor'], headless: true },
          {
            px: 182,
            split: 'row',
            of: [
              { share: 1.34, panels: ['problems', 'listing'] },
              { share: 1, panels: ['console', 'boot'] },
            ],
          },
        ],
      },
    ],
  },
};
export default programs;
