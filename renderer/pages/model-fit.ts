/** Tone and icon of a model's fit into memory. */

export const FITS = {
  fits: { tone: 'good', icon: 'check' },
  tight: { tone: 'warning', icon: 'info' },
  partly: { tone: 'warning', icon: 'info' },
  'does-not-fit': { tone: 'bad', icon: 'cross' },
  unknown: { tone: 'rest', icon: 'info' },
} as const;
