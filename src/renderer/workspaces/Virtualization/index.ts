/** The Virtualization workspace: guest-physical spaces beside host memory, the VMs, their exits and the audit. */
import { ChartBarStacked, List, Map, Server, ShieldCheck } from '@lucide/vue';
import type { WorkspaceDefinition } from '../../docking/workspace';
import AuditPanel from '../../panels/virtualization/AuditPanel.vue';
import ExitsPanel from '../../panels/virtualization/ExitsPanel.vue';
import MemoryMapPanel from '../../panels/virtualization/map/MemoryMapPanel.vue';
import OwnersPanel from '../../panels/virtualization/OwnersPanel.vue';
import VmTable from '../../panels/virtualization/VmTable.vue';
import VirtualizationToolbar from './VirtualizationToolbar.vue';

const workspace: WorkspaceDefinition = {
  id: 'virtualization',
  toolbar: VirtualizationToolbar,
  panels: {
    vms: { title: 'virtualization.panels.vms', icon: Server, component: VmTable },
    map: { title: 'virtualization.panels.map', icon: Map, component: MemoryMapPanel, scrolls: false },
    owners: { title: 'virtualization.panels.owners', icon: List, component: OwnersPanel },
    exits: { title: 'virtualization.panels.exits', icon: ChartBarStacked, component: ExitsPanel },
    audit: { title: 'virtualization.panels.audit', icon: ShieldCheck, component: AuditPanel },
  },
  layout: {
    split: 'row',
    of: [
      { split: 'column', of: [{ panels: ['vms'], px: 136 }, { panels: ['map', 'owners'] }] },
      { split: 'column', px: 380, of: [{ panels: ['exits'], share: 1.2 }, { panels: ['audit'] }] },
    ],
  },
};
export default workspace;
