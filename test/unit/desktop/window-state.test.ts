// Verifies: the window opens at its stored place only where a display shows enough of its top to grab it, and never
//   larger than that display; a damaged file counts as none; shortcuts aren't confused with keys of the page.
// Setup: generated places and displays; files in a temporary folder.
// Fails if: a window opens off screen after a display was unplugged; a file with wild values throws or is used.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { shortcutOf } from '../../../main/desktop/shortcuts.ts';
import {
  placeOnScreen,
  type Rectangle,
  readWindowState,
  WINDOW_SIZE_MIN,
  writeWindowState,
} from '../../../main/desktop/window-state.ts';

const folder = mkdtempSync(join(tmpdir(), 'idlewatt-window-'));
const file = join(folder, 'window.json');
after(() => rmSync(folder, { recursive: true }));

const SCREEN = { x: 0, y: 0, width: 1920, height: 1040 };
const rectangles = (min: number, max: number) =>
  fc.record({
    x: fc.integer({ min: -5_000, max: 5_000 }),
    y: fc.integer({ min: -5_000, max: 5_000 }),
    width: fc.integer({ min, max }),
    height: fc.integer({ min, max }),
  });

/** Pixels of the window's top 40 rows that the display shows. */
function shownTop(window: Rectangle, area: Rectangle): [width: number, height: number] {
  const width = Math.min(window.x + window.width, area.x + area.width) - Math.max(window.x, area.x);
  const height = Math.min(window.y + 40, area.y + area.height) - Math.max(window.y, area.y);
  return [width, height];
}

test('a window that opens at a stored place can be grabbed on one of the displays', () => {
  fc.assert(
    fc.property(
      rectangles(380, 4_000),
      fc.array(rectangles(600, 4_000), { maxLength: 3 }),
      (stored, areas) => {
        const place = placeOnScreen(stored, areas);
        const grabs = (area: Rectangle, window: Rectangle) => {
          const [width, height] = shownTop(window, area);
          return width >= 160 && height >= 40;
        };
        if (place === null) return assert.ok(!areas.some((area) => grabs(area, stored)));
        assert.ok(areas.some((area) => grabs(area, place)));
        assert.ok(place.width >= WINDOW_SIZE_MIN.width && place.height >= WINDOW_SIZE_MIN.height);
      },
    ),
  );
});

test('a place on a display that was unplugged is not used; a window that is too large is made to fit', () => {
  assert.equal(placeOnScreen({ x: 2_000, y: 100, width: 1_180, height: 780 }, [SCREEN]), null);
  assert.equal(placeOnScreen({ x: 100, y: -200, width: 1_180, height: 780 }, [SCREEN]), null);
  assert.deepEqual(placeOnScreen({ x: 100, y: 50, width: 3_000, height: 2_000 }, [SCREEN]), {
    x: 0,
    y: 50,
    width: 1_920,
    height: 1_040,
  });
});

test('a stored state is read again, and a damaged or implausible file counts as none', () => {
  const state = { place: { x: 10, y: -20, width: 900, height: 700 }, isMaximized: true, zoomLevel: 1.5 };
  assert.equal(readWindowState(file), null);
  writeWindowState(file, state);
  assert.deepEqual(readWindowState(file), state);
  for (const damaged of ['', '{', '[]', JSON.stringify({ ...state, zoomLevel: 60 })]) {
    writeFileSync(file, damaged);
    assert.equal(readWindowState(file), null, damaged);
  }
  const wild = { ...state, place: { ...state.place, width: 10 ** 9 } };
  writeFileSync(file, JSON.stringify(wild));
  assert.equal(readWindowState(file), null);
});

test('the usual keys zoom, reload and close; keys of the page stay the page’s', () => {
  const press = (
    key: string,
    held: Partial<Record<'control' | 'alt' | 'meta', boolean>> = { control: true },
  ) => shortcutOf({ type: 'keyDown', key, control: false, alt: false, meta: false, ...held });
  assert.deepEqual(
    ['+', '=', '-', '0', 'r', 'R', 'w'].map((key) => press(key)),
    ['zoom-in', 'zoom-in', 'zoom-out', 'zoom-reset', 'reload', 'reload', 'close'],
  );
  assert.equal(press('F5', {}), 'reload');
  for (const key of ['c', 'v', 'a', 'k', 'q']) assert.equal(press(key), null);
  assert.equal(press('+', {}), null);
  assert.equal(press('+', { control: true, alt: true }), null);
  assert.equal(shortcutOf({ type: 'keyUp', key: '+', control: true, alt: false, meta: false }), null);
});
