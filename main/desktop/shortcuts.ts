/** Keyboard shortcuts of the window where the app has no menu bar, i.e. everywhere but on macOS. */

export type Shortcut = 'zoom-in' | 'zoom-out' | 'zoom-reset' | 'reload' | 'close';

/** The part of Electron's input event that is used here. */
export interface KeyInput {
  readonly type: string;
  readonly key: string;
  readonly control: boolean;
  readonly alt: boolean;
  readonly meta: boolean;
}

const WITH_CONTROL: Readonly<Record<string, Shortcut>> = {
  '+': 'zoom-in',
  '=': 'zoom-in',
  '-': 'zoom-out',
  _: 'zoom-out',
  '0': 'zoom-reset',
  r: 'reload',
  w: 'close',
};

/** Null for a key that belongs to the page. */
export function shortcutOf({ type, key, control, alt, meta }: KeyInput): Shortcut | null {
  if (type !== 'keyDown' || alt || meta) return null;
  if (!control) return key === 'F5' ? 'reload' : null;
  return WITH_CONTROL[key.toLowerCase()] ?? null;
}
