// @vitest-environment happy-dom
import { describe, expect, it, vi } from 'vitest';
import { nextTick } from 'vue';
import { preferredLanguage, useSettings } from './settings';
import { TestShell, withShell } from './test-bridge';

describe('settings', () => {
  it('take the first language we have of what the system asks', () => {
    expect(preferredLanguage(['de-DE', 'zh-Hans-CN', 'en'])).toBe('zh-CN');
    expect(preferredLanguage(['fr'])).toBe('en');
  });

  it('keep what is well-formed, and defaults for the rest', async () => {
    const shell = new TestShell();
    shell.settings = { theme: 'dark', language: 'tlh', textScale: 17, layouts: null, completed: ['four-dimms', 7], lastLab: { path: 7 } };
    const settings = withShell(shell).use(useSettings);
    await settings.load();
    expect(settings.theme).toBe('dark');
    expect(['en', 'zh-CN']).toContain(settings.language);
    expect(settings.textScale).toBe(1);
    expect(settings.layouts).toEqual({});
    expect(settings.completed).toEqual(['four-dimms']);
    expect(settings.lastLab).toBeNull();
  });

  it('saves a change once, a moment later, and keeps keys it does not know', async () => {
    vi.useFakeTimers();
    const shell = new TestShell();
    shell.settings = { fromTheFuture: 1 };
    const settings = withShell(shell).use(useSettings);
    await settings.load();
    settings.theme = 'light';
    settings.keepLayout('board', { some: 'layout' });
    await nextTick();
    await vi.advanceTimersByTimeAsync(500);
    const saved = shell.calls('saveSettings');
    expect(saved).toHaveLength(1);
    expect(saved[0]).toMatchObject({ theme: 'light', fromTheFuture: 1, layouts: { board: { some: 'layout' } } });
    vi.useRealTimers();
  });

  it('is light on a beamer unless a theme was chosen', async () => {
    const settings = withShell(new TestShell()).use(useSettings);
    settings.theme = 'system';
    settings.density = 'projector';
    expect(settings.shownTheme).toBe('light');
    settings.theme = 'dark';
    expect(settings.shownTheme).toBe('dark');
  });
});
