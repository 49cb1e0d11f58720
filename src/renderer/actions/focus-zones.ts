/** The keyboard's way to a panel: F6 from one to the next, through the activity bar, the toolbar, the dock's groups and the status bar. */

const FOCUSABLE = 'button:not(:disabled), [href], input:not(:disabled), select:not(:disabled), textarea, [tabindex]:not([tabindex="-1"])';

const zones = (): HTMLElement[] =>
  [...document.querySelectorAll<HTMLElement>('[data-focus-zone], .toolbar, .dv-groupview')].filter(
    (zone) => zone.getClientRects().length > 0,
  );

function target(zone: HTMLElement): HTMLElement | null {
  const content = zone.querySelector<HTMLElement>('.dv-content-container');
  const within = content ?? zone;
  const preferred = within.querySelector<HTMLElement>('[data-focus-target], [aria-current="page"], textarea');
  const first = preferred ?? [...within.querySelectorAll<HTMLElement>(FOCUSABLE)].find((element) => element.getClientRects().length > 0);
  return first ?? zone.querySelector<HTMLElement>(FOCUSABLE);
}

/** Moves the focus to the next zone (1) or the one before (-1), skipping zones in which nothing can be focused. */
export function focusNextZone(step: 1 | -1): void {
  const all = zones();
  const current = all.findIndex((zone) => zone.contains(document.activeElement));
  const start = current < 0 && step === -1 ? 0 : current;
  for (let offset = 1; offset <= all.length; offset++) {
    const zone = all[(start + step * offset + all.length * 2) % all.length];
    const element = zone && target(zone);
    if (!element) continue;
    element.focus({ focusVisible: true } as FocusOptions);
    return;
  }
}

/** Puts the keyboard into a panel that is in front, unless it is there already. */
export function focusPanel(id: string): void {
  const panel = document.querySelector<HTMLElement>(`[data-panel="${CSS.escape(id)}"]`);
  const zone = panel?.closest<HTMLElement>('.dv-groupview');
  if (!zone || panel!.contains(document.activeElement)) return;
  target(zone)?.focus({ focusVisible: true } as FocusOptions);
}
