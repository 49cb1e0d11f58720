/** The six workspaces in the order of the activity bar. Each is loaded when it is first shown. */
import { CircuitBoard, Cpu, FileCodeCorner, FlaskConical, Layers, Shield } from '@lucide/vue';
import type { Component } from 'vue';
import type { WorkspaceDefinition, WorkspaceId } from '../docking/workspace';

export interface WorkspaceEntry {
  id: WorkspaceId;
  /** key in the messages */
  title: string;
  icon: Component;
  load(): Promise<WorkspaceDefinition>;
}

const modules = import.meta.glob<{ default: WorkspaceDefinition }>('./*/index.ts');
const entry = (id: WorkspaceId, folder: string, icon: Component): WorkspaceEntry => ({
  id,
  title: `shell.workspaces.${id}`,
  icon,
  async load() {
    const module = modules[`./${folder}/index.ts`];
    if (!module) throw new Error(`workspace ${folder} has no index.ts`);
    return (await module()).default;
  },
});

export const WORKSPACES: readonly WorkspaceEntry[] = [
  entry('board', 'Board', CircuitBoard),
  entry('programs', 'Programs', FileCodeCorner),
  entry('machine', 'Machine', Cpu),
  entry('virtualization', 'Virtualization', Layers),
  entry('isolation', 'Isolation', Shield),
  entry('labs', 'Labs', FlaskConical),
];

export const isWorkspaceId = (id: string): id is WorkspaceId => WORKSPACES.some((workspace) => workspace.id === id);
