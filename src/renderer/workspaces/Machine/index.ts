/** The Machine workspace: follow one access on top; beneath it the program, the registers and memory. */
import {
  Binary,
  Camera,
  CircleDot,
  Grid3x3,
  Layers,
  ListChecks,
  ListOrdered,
  ListTree,
  MapIcon,
  Route,
  Rows3,
  Scissors,
  SlidersHorizontal,
  SquareTerminal,
  TableProperties,
  Zap,
} from '@lucide/vue';
import type { WorkspaceDefinition } from '../../docking/workspace';
import BreakpointsPanel from '../../panels/machine/BreakpointsPanel.vue';
import ControlPanel from '../../panels/machine/ControlPanel.vue';
import DescriptorsPanel from '../../panels/machine/DescriptorsPanel.vue';
import DisassemblyPanel from '../../panels/machine/DisassemblyPanel.vue';
import EventsPanel from '../../panels/machine/EventsPanel.vue';
import JourneyPanel from '../../panels/machine/JourneyPanel.vue';
import LinearSpacePanel from '../../panels/machine/LinearSpacePanel.vue';
import MemoryPanel from '../../panels/machine/MemoryPanel.vue';
import PageTablesPanel from '../../panels/machine/PageTablesPanel.vue';
import RegistersPanel from '../../panels/machine/RegistersPanel.vue';
import SegmentsPanel from '../../panels/machine/SegmentsPanel.vue';
import SnapshotsPanel from '../../panels/machine/SnapshotsPanel.vue';
import StackPanel from '../../panels/machine/StackPanel.vue';
import TlbPanel from '../../panels/machine/TlbPanel.vue';
import BootPanel from '../../panels/shared/BootPanel.vue';
import ConsolePanel from '../../panels/shared/ConsolePanel.vue';
import MachineToolbar from './MachineToolbar.vue';

const workspace: WorkspaceDefinition = {
  id: 'machine',
  toolbar: MachineToolbar,
  panels: {
    journey: { title: 'machine.panels.journey', icon: Route, component: JourneyPanel, scrolls: false },
    disassembly: { title: 'machine.panels.disassembly', icon: Binary, component: DisassemblyPanel },
    registers: { title: 'machine.panels.registers', icon: Rows3, component: RegistersPanel },
    segments: { title: 'machine.panels.segments', icon: Scissors, component: SegmentsPanel },
    control: { title: 'machine.panels.control', icon: SlidersHorizontal, component: ControlPanel },
    descriptors: { title: 'machine.panels.descriptors', icon: TableProperties, component: DescriptorsPanel },
    pages: { title: 'machine.panels.pages', icon: ListTree, component: PageTablesPanel },
    space: { title: 'machine.panels.space', icon: MapIcon, component: LinearSpacePanel },
    tlb: { title: 'machine.panels.tlb', icon: ListChecks, component: TlbPanel },
    stack: { title: 'machine.panels.stack', icon: Layers, component: StackPanel },
    events: { title: 'machine.panels.events', icon: Zap, component: EventsPanel },
    breakpoints: { title: 'stops.breakpoints', icon: CircleDot, component: BreakpointsPanel },
    snapshots: { title: 'stops.snapshots', icon: Camera, component: SnapshotsPanel },
    memory: { title: 'machine.panels.memory', icon: Grid3x3, component: MemoryPanel, scrolls: false },
    console: { title: 'shell.console.title', icon: SquareTerminal, component: ConsolePanel },
    boot: { title: 'shell.boot.title', icon: ListOrdered, component: BootPanel },
  },
  layout: {
    split: 'column',
    of: [
      // as high as its longest chains need; what a larger window has more goes to the registers and tables
      { panels: ['journey', 'space', 'console', 'boot', 'breakpoints', 'snapshots'], px: 434 },
      {
        split: 'row',
        // so divided, every tab strip shows all its names at 1280 px, and segments and memory their lines
        of: [
          { panels: ['disassembly', 'stack', 'events'], share: 3.79 },
          { panels: ['registers', 'segments', 'control'], share: 3.64 },
          { panels: ['memory', 'descriptors', 'pages', 'tlb'], share: 4.66 },
        ],
      },
    ],
  },
};
export default workspace;
