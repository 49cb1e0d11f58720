/** What a workspace is made of: a toolbar, panels and their default arrangement. One `workspaces/NAME/index.ts` exports one of these. */
import type { Component, InjectionKey, Ref } from 'vue';
import type { DockviewApi } from 'dockview-vue';
import type { LayoutNode } from './layout';

export type WorkspaceId = 'board' | 'programs' | 'machine' | 'virtualization' | 'isolation' | 'labs';

export interface PanelDefinition {
  /** key of the title in the messages: `machine.panels.journey` */
  title: string;
  icon: Component;
  component: Component;
  /** false when the panel scrolls its own content (an editor, a canvas); it must then be reachable by keyboard itself */
  scrolls?: boolean;
}

export interface WorkspaceDefinition {
  id: WorkspaceId;
  /** the 44 px bar above the panels; Labs has none */
  toolbar?: Component;
  panels: Readonly<Record<string, PanelDefinition>>;
  layout: LayoutNode;
}

/** The workspace on screen, for its tabs and panel actions. */
export const WORKSPACE: InjectionKey<WorkspaceDefinition> = Symbol('workspace');
/** Shows a panel of this workspace (opens it again when it was closed). */
export const DOCK: InjectionKey<Readonly<Ref<DockviewApi | null>>> = Symbol('dock');
/** Whether the panel around a component is on screen; a panel behind another tab is not and needs no views. */
export const PANEL_VISIBLE: InjectionKey<Readonly<Ref<boolean>>> = Symbol('panel visible');
