/** Icons of the navigation. They decorate labels and never replace them. */
import type { Page } from '../route.ts';

const PATHS: Record<Page | 'bolt', string> = {
  bolt: 'M13.6 2.5 5 13.4h5.2L8.9 21.5 18.6 10h-6z',
  home: 'M3.5 11 12 4l8.5 7M5.5 9.5V20h13V9.5M10 20v-5.5h4V20',
  jobs: 'M8.5 6.5h12M8.5 12h12M8.5 17.5h12M4 6.5h.01M4 12h.01M4 17.5h.01',
  earnings: 'M4 20V10.5M9.33 20V4.5M14.67 20v-7M20 20V8',
  wallet:
    'M4 7.5h14.5a1.5 1.5 0 0 1 1.5 1.5v9a1.5 1.5 0 0 1-1.5 1.5h-13A1.5 1.5 0 0 1 4 18zm0 0A2 2 0 0 1 6 5.5h10.5M16 13.5h.01',
  use: 'm8.5 8-4 4 4 4M15.5 8l4 4-4 4M13.5 5.5l-3 13',
  models: 'm12 3.5 8 4.25v8.5l-8 4.25-8-4.25v-8.5zM4.2 7.9 12 12l7.8-4.1M12 12v8.3',
  machine:
    'M7 7h10v10H7zM10 10h4v4h-4zM9.5 7V3.8M14.5 7V3.8M9.5 20.2V17M14.5 20.2V17M7 9.5H3.8M7 14.5H3.8M20.2 9.5H17M20.2 14.5H17',
  settings: 'M4 7h9M17 7h3M4 17h3M11 17h9M13 4.5v5M7 14.5v5',
};

export function Icon({ name }: { name: Page | 'bolt' }) {
  return (
    <svg className={`icon icon-${name}`} viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
