import { createPinia, setActivePinia } from 'pinia';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { noticeText, useUi } from './ui';

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

  it('follow the language, and errors go when another lab is opened', () => {
    const ui = useUi();
    let language = 'en';
    ui.notify({ tone: 'error', text: () => (language === 'en' ? 'No file.' : '没有文件。') });
    ui.notify({ tone: 'error', text: 'No file.' });
    ui.notify({ tone: 'error', text: () => (language === 'en' ? 'Full.' : '已满。') });
    language = 'zh-CN';
    expect(ui.notices.map(noticeText)).toEqual(['No file.', '已满。']);
    ui.notify({ tone: 'held', text: 'Done.' });
    ui.dismissErrors();
    expect(ui.notices.map(noticeText)).toEqual(['Done.']);
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
