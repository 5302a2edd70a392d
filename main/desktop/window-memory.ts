/** Stores a window's size, place and zoom while they change, and applies the stored zoom. */
import type { BrowserWindow } from 'electron';
import { readWindowState, writeWindowState, ZOOM_LEVELS } from './window-state.ts';

const STORE_DELAY_MS = 500;
const ZOOM_STEP = 0.5;

export interface WindowMemory {
  /** Zooms by one step, or back to 100%. */
  zoom(to: 'in' | 'out' | 'reset'): void;
}

export function rememberWindow(window: BrowserWindow, file: string): WindowMemory {
  const { webContents } = window;
  let zoomLevel = readWindowState(file)?.zoomLevel ?? 0;
  let timer: NodeJS.Timeout | undefined;

  const store = () => {
    clearTimeout(timer);
    if (window.isDestroyed()) return;
    writeWindowState(file, { place: window.getNormalBounds(), isMaximized: window.isMaximized(), zoomLevel });
  };
  const storeSoon = () => {
    clearTimeout(timer);
    timer = setTimeout(store, STORE_DELAY_MS);
  };
  // Chromium resets it with each page.
  webContents.on('dom-ready', () => webContents.setZoomLevel(zoomLevel));
  window.on('resize', storeSoon);
  window.on('move', storeSoon);
  window.on('close', store);
  window.on('closed', () => clearTimeout(timer));

  return {
    zoom(to) {
      const next = to === 'reset' ? 0 : zoomLevel + (to === 'in' ? ZOOM_STEP : -ZOOM_STEP);
      zoomLevel = Math.max(ZOOM_LEVELS.min, Math.min(next, ZOOM_LEVELS.max));
      webContents.setZoomLevel(zoomLevel);
      storeSoon();
    },
  };
}
