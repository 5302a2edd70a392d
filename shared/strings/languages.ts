/** The languages of the interface, and the choice between them. Free of side effects: pages import it too. */
import type { Settings } from '../settings.ts';

export const LANGUAGES = ['en', 'de'] as const;
export type Language = (typeof LANGUAGES)[number];

/**
 * The language for a setting. `system` takes the first of the system's language tags (`de-AT`, `de_DE.UTF-8`) that is
 * one of ours, and falls back to English.
 */
export function languageFor(setting: Settings['language'], systemTags: readonly string[]): Language {
  if (setting !== 'system') return setting;
  for (const tag of systemTags) {
    const primary = tag.toLowerCase().split(/[-_.]/)[0];
    const known = LANGUAGES.find((language) => language === primary);
    if (known) return known;
  }
  return 'en';
}
