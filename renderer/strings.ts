/** Sets up i18next for the pages: English, and the catalog of the language that the owner chose. */
import i18next from 'i18next';
import { initReactI18next } from 'react-i18next';
import type { Settings } from '../shared/settings.ts';
import en from '../shared/strings/en.json';
import { type Language, languageFor } from '../shared/strings/languages.ts';

declare module 'i18next' {
  interface CustomTypeOptions {
    defaultNS: 'translation';
    resources: { translation: typeof en };
  }
}

/** Catalogs that are loaded only when they are used. English is always there: a text that is missing falls back to it. */
const CATALOGS: Readonly<Record<Exclude<Language, 'en'>, () => Promise<{ default: object }>>> = {
  de: () => import('../shared/strings/de.json'),
  es: () => import('../shared/strings/es.json'),
  fr: () => import('../shared/strings/fr.json'),
};

async function loadCatalog(language: Language): Promise<void> {
  if (language === 'en' || i18next.hasResourceBundle(language, 'translation')) return;
  const { default: catalog } = await CATALOGS[language]();
  i18next.addResourceBundle(language, 'translation', catalog);
}

/** Initializes i18next; keeps the document's language and text direction in step with it. */
export async function loadStrings(): Promise<void> {
  i18next.on('languageChanged', (language) => {
    document.documentElement.lang = language;
    document.documentElement.dir = i18next.dir(language);
  });
  await i18next.use(initReactI18next).init({
    resources: { en: { translation: en } },
    lng: 'en',
    fallbackLng: 'en',
    interpolation: { escapeValue: false },
    // A missing key is a bug: tests fail on any error in the console.
    saveMissing: true,
    missingKeyHandler: (_languages, _namespace, key) => console.error(`missing string: ${key}`),
  });
  await applyLanguage('system');
}

/** Switches the pages to the language of a setting. */
export async function applyLanguage(setting: Settings['language']): Promise<void> {
  const language = languageFor(setting, navigator.languages);
  if (i18next.language === language) return;
  await loadCatalog(language);
  await i18next.changeLanguage(language);
}
