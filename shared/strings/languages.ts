/** The languages of the interface, and the choice between them. Free of side effects: pages import it too. */
export const LANGUAGES = ['en', 'de', 'es', 'fr'] as const;
export type Language = (typeof LANGUAGES)[number];

/** Values of the language setting: `system` follows the operating system. */
export const LANGUAGE_CHOICES = ['system', ...LANGUAGES] as const;
export type LanguageChoice = (typeof LANGUAGE_CHOICES)[number];

/** Each language's name in itself, so that its speakers find it in any other. */
export const LANGUAGE_NAMES: Readonly<Record<Language, string>> = {
  en: 'English',
  de: 'Deutsch',
  es: 'Español',
  fr: 'Français',
};

/**
 * The language for a setting. `system` takes the first of the system's language tags (`de-AT`, `de_DE.UTF-8`) that is
 * one of ours, and falls back to English.
 */
export function languageFor(setting: LanguageChoice, systemTags: readonly string[]): Language {
  if (setting !== 'system') return setting;
  for (const tag of systemTags) {
    const primary = tag.toLowerCase().split(/[-_.]/)[0];
    const known = LANGUAGES.find((language) => language === primary);
    if (known) return known;
  }
  return 'en';
}
