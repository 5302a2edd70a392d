/** The texts of each language, loaded when they are used. */
import type { Language } from '../shared/strings/languages.ts';

const CATALOGS: Readonly<Record<Language, () => Promise<{ default: object }>>> = {
  en: () => import('../shared/strings/en.json'),
  de: () => import('../shared/strings/de.json'),
  es: () => import('../shared/strings/es.json'),
  fr: () => import('../shared/strings/fr.json'),
};

export async function loadCatalog(language: Language): Promise<object> {
  return (await CATALOGS[language]()).default;
}
