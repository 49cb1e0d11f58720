/** Size and place of the window, kept between starts, and never off the screens there are now. */
import { screen, type BrowserWindow, type Rectangle } from 'electron';
import { SettingsFile } from '../host/files/settings';
import { places } from './places';

interface WindowState {
  bounds: Rectangle | null;
  maximized: boolean;
}

const DEFAULT_SIZE = { width: 1440, height: 900 };
const file = (): SettingsFile => new SettingsFile(places.data(), 'window.json');

function visible(bounds: Rectangle): boolean {
  return screen.getAllDisplays().some(({ workArea }) => {
    const width = Math.min(bounds.x + bounds.width, workArea.x + workArea.width) - Math.max(bounds.x, workArea.x);
    const height = Math.min(bounds.y + bounds.height, workArea.y + workArea.height) - Math.max(bounds.y, workArea.y);
    return width >= 200 && height >= 100;
  });
}

export async function loadWindowState(): Promise<WindowState> {
  const { bounds, maximized } = (await file().load()) as Partial<WindowState>;
  const numbers = bounds && [bounds.x, bounds.y, bounds.width, bounds.height].every(Number.isInteger);
  return { bounds: numbers && visible(bounds) ? bounds : null, maximized: maximized === true };
}

export function initialSize(state: WindowState): Partial<Rectangle> {
  if (state.bounds) return state.bounds;
  const { workAreaSize } = screen.getPrimaryDisplay();
  return { width: Math.min(DEFAULT_SIZE.width, workAreaSize.width), height: Math.min(DEFAULT_SIZE.height, workAreaSize.height) };
}

export async function saveWindowState(window: BrowserWindow): Promise<void> {
  const state: WindowState = { bounds: window.getNormalBounds(), maximized: window.isMaximized() };
  await file()
    .save({ ...state })
    .catch(() => undefined); // a full disk must not keep a window from closing
}
