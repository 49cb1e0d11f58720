import { describe, expect, it } from 'vitest';
import { findAction, matches, showShortcut, type KeyPress } from './keys';

const press = (key: string, held: Partial<KeyPress> = {}): KeyPress => ({
  key,
  code: '',
  ctrlKey: false,
  metaKey: false,
  shiftKey: false,
  altKey: false,
  ...held,
});

describe('shortcuts', () => {
  it('need exactly their modifiers', () => {
    expect(matches('Ctrl+S', press('s', { ctrlKey: true }), false)).toBe(true);
    expect(matches('Ctrl+S', press('S', { ctrlKey: true, shiftKey: true }), false)).toBe(false);
    expect(matches('F5', press('F5'), false)).toBe(true);
    expect(matches('F5', press('F5', { shiftKey: true }), false)).toBe(false);
    expect(matches('Ctrl+S', press('s', { ctrlKey: true, metaKey: true }), false)).toBe(false);
  });
  it('use the command key on a Mac', () => {
    expect(matches('Ctrl+K', press('k', { metaKey: true }), true)).toBe(true);
    expect(matches('Ctrl+K', press('k', { ctrlKey: true }), true)).toBe(false);
    expect(showShortcut('Ctrl+Shift+S', true)).toBe('⌘⇧S');
    expect(showShortcut('Ctrl+K', false)).toBe('Ctrl K');
  });
  it('find digits by position on layouts that shift them', () => {
    expect(matches('Ctrl+1', press('&', { ctrlKey: true, code: 'Digit1' }), false)).toBe(true);
  });
  it('lead to the action', () => {
    const actions = [
      { id: 'a', title: 'a', keys: ['F5'], perform: () => 0 },
      { id: 'b', title: 'b', keys: ['Ctrl+K', 'Ctrl+P'], perform: () => 0 },
    ];
    expect(findAction(actions, press('p', { ctrlKey: true }), false)?.id).toBe('b');
    expect(findAction(actions, press('x'), false)).toBeUndefined();
  });
});
