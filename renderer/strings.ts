/** Sets up i18next for the pages with the catalog of one language; checks of the source find a text that it lacks. */
import i18next from 'i18next';
import { initReactI18next } from 'react-i18next';
import type { Settings } from '../shared/settings.ts';
import type en from '../shared/strings/en.json';
import { type Language, languageFor } from '../shared/strings/languages.ts';
import { loadCatalog } from './catalogs.ts';

declare module 'i18next' {
  interface CustomTypeOptions {
    defaultNS: 'translation';
    resources: { translation: typeof en };
  }
}

/** Initializes i18next; keeps the document's language and text direction in step with it. */
export async function loadStrings(language: Language): Promise<void> {
  i18next.on('languageChanged', (changed) => {
    document.documentElement.lang = changed;
    document.documentElement.dir = i18next.dir(changed);
  });
  await i18next.use(initReactI18next).init({
    resources: { [language]: { translation: await loadCatalog(language) } },
    lng: language,
    fallbackLng: false,
    interpolation: { escapeValue: false },
    // A missing key is a bug: tests fail on any error in the console.
    saveMissing: true,
    missingKeyHandler: (_languages, _namespace, key) => console.error(`missing string: ${key}`),
  });
}

/** Switches the pages to the language of a setting. */
export async function applyLanguage(setting: Settings['language']): Promise<void> {
  const language = languageFor(setting, navigator.languages);
  if (i18next.language === language) return;
  if (!i18next.hasResourceBundle(language, 'translation')) {
    i18next.addResourceBundle(language, 'translation', await loadCatalog(language));
  }
  await i18next.changeLanguage(language);
}
