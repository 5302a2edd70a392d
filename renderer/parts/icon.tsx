/** Line icons. They decorate labels and never replace them. */

/** Outlines in a box of 24. */
const PATHS = {
  home: 'M4 11 12 4l8 7v8a1 1 0 0 1-1 1h-4.5v-6h-5v6H5a1 1 0 0 1-1-1z',
  jobs: 'M9 6h11M9 12h11M9 18h11M4.5 6h.01M4.5 12h.01M4.5 18h.01',
  earnings: 'M4 20h16M7 16v-4M12 16V6M17 16V9',
  wallet:
    'M4 8a2 2 0 0 1 2-2h11v3M4 8v9a2 2 0 0 0 2 2h12a1 1 0 0 0 1-1v-8a1 1 0 0 0-1-1H5a1 1 0 0 1-1-1zM15.5 14h.01',
  use: 'm8 8-4 4 4 4M16 8l4 4-4 4M13.5 5.5l-3 13',
  models: 'm12 3 8 4.5v9L12 21l-8-4.5v-9zM4 7.5l8 4.5 8-4.5M12 12v9',
  sources: 'M4 5.5h3c4 0 4 6.5 8 6.5M4 18.5h3c4 0 4-6.5 8-6.5M4 12h16M16.5 8.5 20 12l-3.5 3.5',
  machine:
    'M8 6.5h8A1.5 1.5 0 0 1 17.5 8v8a1.5 1.5 0 0 1-1.5 1.5H8A1.5 1.5 0 0 1 6.5 16V8A1.5 1.5 0 0 1 8 6.5zM10 10h4v4h-4zM9.5 3.5v3M14.5 3.5v3M9.5 17.5v3M14.5 17.5v3M3.5 9.5h3M3.5 14.5h3M17.5 9.5h3M17.5 14.5h3',
  schedule:
    'M6 5.5h12a2 2 0 0 1 2 2V18a2 2 0 0 1-2 2H6a2 2 0 0 1-2-2V7.5a2 2 0 0 1 2-2zM4 10h16M8.5 3.5v4M15.5 3.5v4M8 14h3M13 16.5h3',
  network:
    'M10 5.5a2 2 0 1 0 4 0a2 2 0 1 0-4 0zM3.5 17.5a2 2 0 1 0 4 0a2 2 0 1 0-4 0zM16.5 17.5a2 2 0 1 0 4 0a2 2 0 1 0-4 0zM11 7.3l-4.5 8.4M13 7.3l4.5 8.4M7.5 17.5h9',
  machines:
    'M4 5.5h9a1 1 0 0 1 1 1v6a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1v-6a1 1 0 0 1 1-1zM6.5 17h4M8.5 13.5V17M17 9.5h3a1 1 0 0 1 1 1v8a1 1 0 0 1-1 1h-4.5a1 1 0 0 1-1-1V16',
  settings:
    'M4 7h9M17 7h3M4 17h3M11 17h9M13 7a2 2 0 1 0 4 0a2 2 0 1 0-4 0zM7 17a2 2 0 1 0 4 0a2 2 0 1 0-4 0z',
  more: 'M5.5 12h.01M12 12h.01M18.5 12h.01',
  bolt: 'M13 3 5.5 13.5H11L10 21l8-11h-5.5z',
  person: 'M8.5 8a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0-7 0zM5 20c.6-3.6 3.5-5.5 7-5.5s6.4 1.9 7 5.5',
  pause: 'M9 5.5v13M15 5.5v13',
  play: 'M8 5.5v13l10.5-6.5z',
  down: 'M12 4v11M7.5 11 12 15.5 16.5 11M5 20h14',
  up: 'M12 20V5M7 9.5 12 4.5l5 5',
  warning: 'M12 4 2.8 19.5h18.4zM12 10v4.5M12 17.2v.01',
  next: 'm9.5 6 6 6-6 6',
  back: 'm14.5 6-6 6 6 6',
  open: 'm6 9.5 6 6 6-6',
  check: 'm5 12.5 4.5 4.5L19 7.5',
  cross: 'M6.5 6.5l11 11M17.5 6.5l-11 11',
  copy: 'M11 9h7a2 2 0 0 1 2 2v7a2 2 0 0 1-2 2h-7a2 2 0 0 1-2-2v-7a2 2 0 0 1 2-2zM5.5 15H5a1 1 0 0 1-1-1V5a1 1 0 0 1 1-1h9a1 1 0 0 1 1 1v.5',
  eye: 'M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12zM9.5 12a2.5 2.5 0 1 0 5 0a2.5 2.5 0 1 0-5 0z',
  arrow: 'M5 12h14M13.5 6.5 19 12l-5.5 5.5',
  out: 'M7 17 17 7M9 7h8v8',
  into: 'M17 7 7 17M15 17H7V9',
  shield: 'M12 3.5 5 6v5.5c0 4.5 3 7.5 7 9 4-1.5 7-4.5 7-9V6zM9 12l2.2 2.2L15.5 10',
  info: 'M3.5 12a8.5 8.5 0 1 0 17 0a8.5 8.5 0 1 0-17 0zM12 11v5M12 8v.01',
  search: 'M4.5 11a6.5 6.5 0 1 0 13 0a6.5 6.5 0 1 0-13 0zM16 16l4.5 4.5',
  gpu: 'M4 5v15M4 7h15a1.5 1.5 0 0 1 1.5 1.5v7A1.5 1.5 0 0 1 19 17H4M7 17v2.5h6V17M12 12a2.5 2.5 0 1 0 5 0a2.5 2.5 0 1 0-5 0zM8 10.5v3',
  cpu: 'M8 6.5h8A1.5 1.5 0 0 1 17.5 8v8a1.5 1.5 0 0 1-1.5 1.5H8A1.5 1.5 0 0 1 6.5 16V8A1.5 1.5 0 0 1 8 6.5zM9.5 3.5v3M14.5 3.5v3M9.5 17.5v3M14.5 17.5v3M3.5 9.5h3M3.5 14.5h3M17.5 9.5h3M17.5 14.5h3',
  memory:
    'M5 7.5h14A1.5 1.5 0 0 1 20.5 9v6a1.5 1.5 0 0 1-1.5 1.5H5A1.5 1.5 0 0 1 3.5 15V9A1.5 1.5 0 0 1 5 7.5zM7.5 10.5v3M12 10.5v3M16.5 10.5v3M6 16.5V19M10 16.5V19M14 16.5V19M18 16.5V19',
  wireless: 'M3 9.5a13 13 0 0 1 18 0M6.2 13a8.4 8.4 0 0 1 11.6 0M9.3 16.3a4 4 0 0 1 5.4 0M12 19.5v.01',
  temperature: 'M14 14V6a2 2 0 1 0-4 0v8a4 4 0 1 0 4 0z',
  trash: 'M4.5 7h15M9.5 7V4.5h5V7M6.5 7l1 13h9l1-13',
  file: 'M13.5 3.5H7A1.5 1.5 0 0 0 5.5 5v14A1.5 1.5 0 0 0 7 20.5h10a1.5 1.5 0 0 0 1.5-1.5V8.5zM13.5 3.5v5h5',
  sun: 'M8 12a4 4 0 1 0 8 0a4 4 0 1 0-8 0zM12 3v1.5M12 19.5V21M3 12h1.5M19.5 12H21M5.6 5.6l1.1 1.1M17.3 17.3l1.1 1.1M5.6 18.4l1.1-1.1M17.3 6.7l1.1-1.1',
  clock: 'M3.5 12a8.5 8.5 0 1 0 17 0a8.5 8.5 0 1 0-17 0zM12 7.5V12l3 2',
  refresh: 'M19.5 5v4.5H15M4.5 19v-4.5H9M5.5 9.5a7 7 0 0 1 12-2.5l2 2.5M18.5 14.5a7 7 0 0 1-12 2.5l-2-2.5',
  key: 'M4 15.5a4 4 0 1 0 8 0a4 4 0 1 0-8 0zM11 12.5l8.5-8.5M16 7.5l2.5 2.5',
} as const;
export type IconName = keyof typeof PATHS;

/** Stroke widths that differ from the rest. */
const STROKES: Readonly<Partial<Record<IconName, number>>> = { more: 2.75, pause: 3 };

export function Icon({
  name,
  isSmall = false,
  isSolid = false,
}: {
  name: IconName;
  isSmall?: boolean;
  isSolid?: boolean;
}) {
  const className = ['icon', isSmall ? 'is-small' : '', isSolid ? 'is-solid' : '', `icon-${name}`];
  return (
    <svg
      className={className.filter(Boolean).join(' ')}
      viewBox="0 0 24 24"
      aria-hidden="true"
      focusable="false"
    >
      <path d={PATHS[name]} strokeWidth={STROKES[name]} />
    </svg>
  );
}

/** The app's sign. */
export function Logo() {
  return (
    <svg className="logo" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <rect x="1.5" y="1.5" width="21" height="21" rx="6.5" />
      <path d="M13.2 4.8 6.8 13.4h4.5l-.8 5.8 6.7-8.7h-4.6z" />
    </svg>
  );
}
