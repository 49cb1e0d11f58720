import { createPinia, setActivePinia } from 'pinia';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { useUi } from './ui';

describe('notices', () => {
  beforeEach(() => {
    setActivePinia(createPinia());
    vi.useFakeTimers();
  });

  it('say the same thing once, and the newest last', () => {
    const ui = useUi();
    ui.notify({ tone: 'error', text: 'The disk is full.' });
    ui.notify({ tone: 'neutral', text: 'Saved.' });
    ui.notify({ tone: 'error', text: 'The disk is full.' });
    expect(ui.notices.map(({ text }) => text)).toEqual(['Saved.', 'The disk is full.']);
  });

  it('leave by themselves, but for errors', () => {
    const ui = useUi();
    ui.notify({ tone: 'error', text: 'The disk is full.' });
    ui.notify({ tone: 'neutral', text: 'Saved.' });
    vi.advanceTimersByTime(60_000);
    expect(ui.notices.map(({ text }) => text)).toEqual(['The disk is full.']);
    vi.useRealTimers();
  });
});
