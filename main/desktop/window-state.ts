/** Remembers the window's size, place and zoom across starts. A place that no display shows any more is not used. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { z } from 'zod';

export interface Rectangle {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export const WINDOW_SIZE = { width: 1180, height: 780 } as const;
export const WINDOW_SIZE_MIN = { width: 380, height: 480 } as const;
/** Chromium's zoom levels: each is a factor of 1.2, so from 48% to 299%. */
export const ZOOM_LEVELS = { min: -4, max: 6 } as const;

/** Pixels; larger values can't be a display's. */
const COORDINATE_MAX = 100_000;
/** Part of the window's top that has to be on a display: enough to grab and move it. */
const GRIP = { width: 160, height: 40 } as const;

const coordinate = z.number().int().min(-COORDINATE_MAX).max(COORDINATE_MAX);
const length = z.number().int().min(1).max(COORDINATE_MAX);
const windowStateSchema = z.object({
  place: z.object({ x: coordinate, y: coordinate, width: length, height: length }),
  isMaximized: z.boolean(),
  zoomLevel: z.number().min(ZOOM_LEVELS.min).max(ZOOM_LEVELS.max),
});
export type WindowState = z.infer<typeof windowStateSchema>;

/** Null where nothing valid is stored. */
export function readWindowState(file: string): WindowState | null {
  try {
    return windowStateSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return null; // missing or damaged; its content isn't valuable
  }
}

/** Without effect if the file can't be written. */
export function writeWindowState(file: string, state: WindowState): void {
  const draft = `${file}.new`;
  try {
    writeFileSync(draft, JSON.stringify(state));
    renameSync(draft, file);
  } catch {
    // The window opens at its default place next time.
  }
}

/**
 * Returns where to open the window: at its stored place, made to fit the display that shows most of its top; null for
 * the default place, where no display shows enough of it to move it.
 */
export function placeOnScreen(stored: Rectangle, workAreas: readonly Rectangle[]): Rectangle | null {
  const top = { ...stored, height: GRIP.height };
  const seen = workAreas
    .map((area) => ({ area, part: overlap(top, area) }))
    .filter(({ part }) => part.width >= Math.min(GRIP.width, stored.width) && part.height >= GRIP.height)
    .sort((left, right) => right.part.width - left.part.width)[0];
  if (seen === undefined) return null;
  const width = clamp(stored.width, WINDOW_SIZE_MIN.width, seen.area.width);
  const height = clamp(stored.height, WINDOW_SIZE_MIN.height, seen.area.height);
  return { x: stored.x, y: stored.y, width, height };
}

function overlap(left: Rectangle, right: Rectangle): { readonly width: number; readonly height: number } {
  const width = Math.min(left.x + left.width, right.x + right.width) - Math.max(left.x, right.x);
  const height = Math.min(left.y + left.height, right.y + right.height) - Math.max(left.y, right.y);
  return { width: Math.max(0, width), height: Math.max(0, height) };
}

function clamp(value: number, min: number, max: number): number {
  return Math.max(min, Math.min(value, max));
}
