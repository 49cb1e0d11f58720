/** The Isolation workspace: the way of the DMA, the verdict with its evidence, what happened in order, the IOMMU's fault records. */
import { CircleAlert, Gavel, ListOrdered, Route, Waypoints } from '@lucide/vue';
import type { WorkspaceDefinition } from '../../docking/workspace';
import DmaJourneyPanel from '../../panels/isolation/DmaJourneyPanel.vue';
import FaultsPanel from '../../panels/isolation/FaultsPanel.vue';
import TimelinePanel from '../../panels/isolation/TimelinePanel.vue';
import TopologyPanel from '../../panels/isolation/TopologyPanel.vue';
import VerdictPanel from '../../panels/isolation/VerdictPanel.vue';
import IsolationToolbar from './IsolationToolbar.vue';

const workspace: WorkspaceDefinition = {
  id: 'isolation',
  toolbar: IsolationToolbar,
  panels: {
    topology: { title: 'isolation.panels.topology', icon: Waypoints, component: TopologyPanel, scrolls: false },
    journey: { title: 'isolation.panels.journey', icon: Route, component: DmaJourneyPanel },
    verdict: { title: 'isolation.panels.verdict', icon: Gavel, component: VerdictPanel },
    timeline: { title: 'isolation.panels.timeline', icon: ListOrdered, component: TimelinePanel },
    faults: { title: 'isolation.panels.faults', icon: CircleAlert, component: FaultsPanel },
  },
  layout: {
    split: 'column',
    of: [
      { split: 'row', share: 1.25, of: [{ panels: ['topology', 'journey'], share: 1.35 }, { panels: ['verdict'] }] },
      { split: 'row', of: [{ panels: ['timeline'], share: 1.35 }, { panels: ['faults'] }] },
    ],
  },
};
export default workspace;
