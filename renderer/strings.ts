/** Sets up i18next for the pages: two catalogs with the same keys, and the language that the owner chose. */
import i18next from 'i18next';
import { initReactI18next } from 'react-i18next';
import type { Settings } from '../shared/settings.ts';
import de from '../shared/strings/de.json';
import en from '../shared/strings/en.json';
import { languageFor } from '../shared/strings/languages.ts';

declare module 'i18next' {
  interface CustomTypeOptions {
    defaultNS: 'translation';
    resources: { translation: typeof en };
  }
}

/** Initializes i18next; keeps the document's language and text direction in step with it. */
export async function loadStrings(): Promise<void> {
  i18next.on('languageChanged', (language) => {
    document.documentElement.lang = language;
    document.documentElement.dir = i18next.dir(language);
  });
  await i18next.use(initReactI18next).init({
    resources: { en: { translation: en }, de: { translation: de } },
    lng: languageFor('system', navigator.languages),
    fallbackLng: 'en',
    interpolation: { escapeValue: false },
    // A missing key is a bug: tests fail on any error in the console.
    saveMissing: true,
    missingKeyHandler: (_languages, _namespace, key) => console.error(`missing string: ${key}`),
  });
}

/** Switches the pages to the language of a setting. */
export async function applyLanguage(setting: Settings['language']): Promise<void> {
  const language = languageFor(setting, navigator.languages);
  if (i18next.language !== language) await i18next.changeLanguage(language);
}
