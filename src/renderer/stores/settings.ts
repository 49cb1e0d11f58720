/** The user's choices that outlive a lab: theme, language, text size, density, panel layouts, breakpoints, which accesses are counted. */
import { defineStore } from 'pinia';
import { computed, ref, shallowRef, watch } from 'vue';
import type { Language, Observe } from '../../lab/protocol';
import { useBridge } from './bridge';

export type Theme = 'system' | 'light' | 'dark';
export type Density = 'normal' | 'projector';
export const TEXT_SCALES = [0.9, 1, 1.075, 1.15] as const;

const SAVE_DELAY_MS = 400;

const oneOf = <T>(value: unknown, allowed: readonly T[], otherwise: T): T => (allowed.includes(value as T) ? (value as T) : otherwise);

export type LastLab = { shipped: string } | { path: string };

function readLastLab(value: unknown): LastLab | null {
  if (typeof value !== 'object' || value === null) return null;
  if ('shipped' in value && typeof value.shipped === 'string') return { shipped: value.shipped };
  return 'path' in value && typeof value.path === 'string' ? { path: value.path } : null;
}

/** The best language we have for what the system asks. */
export function preferredLanguage(tags: readonly string[]): Language {
  for (const tag of tags) {
    if (/^zh\b/i.test(tag)) return 'zh-CN';
    if (/^en\b/i.test(tag)) return 'en';
  }
  return 'en';
}

export const useSettings = defineStore('settings', () => {
  const bridge = useBridge();
  const theme = ref<Theme>('system');
  const language = ref<Language>(preferredLanguage(navigator.languages));
  const textScale = ref<number>(1);
  const density = ref<Density>('normal');
  const workspace = ref<string>('labs');
  /** kept dockview layouts by workspace */
  const layouts = shallowRef<Record<string, unknown>>({});
  /** what was open last: a shipped lab by name, or a file by path */
  const lastLab = shallowRef<LastLab | null>(null);
  /** names of shipped labs whose checks have all passed */
  const completed = shallowRef<readonly string[]>([]);
  /** breakpoints and watchpoints by lab, as `kept-stops` writes them */
  const stops = shallowRef<Readonly<Record<string, unknown>>>({});
  /** which accesses to DRAM are counted where the board does not ask for all */
  const observe = ref<Observe>('off');

  const systemDark = matchMedia('(prefers-color-scheme: dark)');
  const systemIsDark = ref(systemDark.matches);
  systemDark.addEventListener('change', (event) => (systemIsDark.value = event.matches));

  const shownTheme = computed<'light' | 'dark'>(() => {
    if (theme.value !== 'system') return theme.value;
    // a beamer washes dark themes out, so projector mode is light unless one is chosen
    return density.value === 'projector' ? 'light' : systemIsDark.value ? 'dark' : 'light';
  });

  let loaded = false;
  let rest: Record<string, unknown> = {};
  /** Reads what is kept; what is missing or malformed keeps its default. */
  async function load(): Promise<void> {
    const kept = await bridge.loadSettings();
    rest = kept;
    theme.value = oneOf<Theme>(kept['theme'], ['system', 'light', 'dark'], 'system');
    language.value = oneOf<Language>(kept['language'], ['en', 'zh-CN'], language.value);
    textScale.value = oneOf<number>(kept['textScale'], TEXT_SCALES, 1);
    density.value = oneOf<Density>(kept['density'], ['normal', 'projector'], 'normal');
    workspace.value = typeof kept['workspace'] === 'string' ? kept['workspace'] : 'labs';
    layouts.value = typeof kept['layouts'] === 'object' && kept['layouts'] !== null ? (kept['layouts'] as Record<string, unknown>) : {};
    lastLab.value = readLastLab(kept['lastLab']);
    completed.value = Array.isArray(kept['completed']) ? kept['completed'].filter((name) => typeof name === 'string') : [];
    stops.value = typeof kept['stops'] === 'object' && kept['stops'] !== null ? (kept['stops'] as Record<string, unknown>) : {};
    observe.value = oneOf<Observe>(kept['observe'], ['off', 'sampled', 'exact'], 'off');
    loaded = true;
  }

  let timer: ReturnType<typeof setTimeout> | undefined;
  const snapshot = (): Record<string, unknown> => ({
    ...rest,
    theme: theme.value,
    language: language.value,
    textScale: textScale.value,
    density: density.value,
    workspace: workspace.value,
    layouts: layouts.value,
    lastLab: lastLab.value,
    completed: [...completed.value],
    stops: stops.value,
    observe: observe.value,
  });
  watch([theme, language, textScale, density, workspace, layouts, lastLab, completed, stops, observe], () => {
    if (!loaded) return;
    clearTimeout(timer);
    timer = setTimeout(() => void bridge.saveSettings(snapshot()), SAVE_DELAY_MS);
  });

  watch(language, (chosen) => bridge.setLanguage(chosen), { immediate: true });

  function keepLayout(id: string, layout: unknown): void {
    layouts.value = { ...layouts.value, [id]: layout };
  }
  function forgetLayout(id: string): void {
    layouts.value = Object.fromEntries(Object.entries(layouts.value).filter(([key]) => key !== id));
  }
  function markCompleted(lab: string): void {
    if (!completed.value.includes(lab)) completed.value = [...completed.value, lab];
  }

  return {
    theme, language, textScale, density, workspace, layouts, lastLab, completed, stops, observe, shownTheme,
    load, keepLayout, forgetLayout, markCompleted,
  }; // prettier-ignore
});
