/** Which files are open in the editor, which one is in front, and where each was left. */
import { defineStore } from 'pinia';
import { computed, ref, shallowRef, watch } from 'vue';
import { programsOf } from '../assembly/jobs';
import { programFiles } from '../../lab/document/program-files';
import { LAB_FILE, useDocument } from './document';

export const useEditor = defineStore('editor', () => {
  const lab = useDocument();
  const open = shallowRef<readonly string[]>([]);
  const active = ref<string | null>(null);
  /** scroll and selection of each file, as Monaco gave it; not for anyone else */
  const viewStates = new Map<string, unknown>();

  /** programs that are there, as the lab names them */
  const programs = computed<readonly string[]>(() => {
    const named = lab.document ? programsOf(lab.document).flatMap(({ program }) => programFiles(program)) : [];
    return [...new Set(named)].filter((file) => Object.hasOwn(lab.allFiles, file));
  });
  /** Files in the order of the list: programs, what they include and the others by name, the lab file last. */
  const files = computed<readonly string[]>(() => {
    const rest = Object.keys(lab.allFiles).filter((file) => !programs.value.includes(file));
    return [...programs.value, ...rest.sort((a, b) => a.localeCompare(b)), LAB_FILE];
  });
  /** VMs that run a file, as positions in the document */
  const usersOf = computed<ReadonlyMap<string, readonly { vm: string; index: number }[]>>(() => {
    const users = new Map<string, { vm: string; index: number }[]>();
    if (!lab.document) return users;
    for (const { program, vm } of programsOf(lab.document)) {
      if (vm === null) continue;
      for (const file of programFiles(program)) users.set(file, [...(users.get(file) ?? []), { vm, index: lab.vmIndex.get(vm) ?? 0 }]);
    }
    return users;
  });

  function show(file: string): void {
    if (!open.value.includes(file)) open.value = [...open.value, file];
    active.value = file;
  }
  function close(file: string): void {
    const at = open.value.indexOf(file);
    open.value = open.value.filter((other) => other !== file);
    if (active.value === file) active.value = open.value[Math.min(at, open.value.length - 1)] ?? null;
  }
  function renamed(from: string, to: string): void {
    open.value = open.value.map((file) => (file === from ? to : file));
    if (active.value === from) active.value = to;
    viewStates.delete(from);
  }

  const MOST_FIRST_TABS = 3;
  function start(): void {
    viewStates.clear();
    open.value = programs.value.slice(0, MOST_FIRST_TABS);
    if (open.value.length === 0 && lab.isOpen) open.value = files.value.slice(0, 1);
    active.value = open.value[0] ?? null;
  }
  watch(() => lab.opened, start, { immediate: true });
  // a file that went away (deleted, undone) leaves its tab
  watch(files, (now) => {
    for (const file of open.value) if (!now.includes(file)) close(file);
  });

  return { open, active, files, usersOf, viewStates, show, close, renamed };
});
