/** Leaves texts out of the pages' catalogs that only the desktop shell and the terminal show: each start reads them. */
import type { Plugin } from 'vite';

/** Groups of texts in the catalogs that no page uses. */
export const GROUPS_WITHOUT_PAGES = [
  'dialog',
  'menu',
  'notification',
  'secretFailure',
  'terminal',
  'tray',
  'whyShort',
] as const;

const CATALOG = /\/shared\/strings\/\w+\.json$/;

export function leaveOutTexts(): Plugin {
  return {
    name: 'idlewatt-page-texts',
    enforce: 'pre',
    transform(code, id) {
      if (!CATALOG.test(id)) return null;
      const groups = Object.entries(JSON.parse(code) as Record<string, unknown>);
      const left = groups.filter(([name]) => !GROUPS_WITHOUT_PAGES.some((group) => group === name));
      return { code: JSON.stringify(Object.fromEntries(left)), map: null };
    },
  };
}
