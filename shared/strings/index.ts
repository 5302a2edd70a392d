/**
 * The single catalog of texts for people, outside of React: the shell's tray and dialogs and the terminal read it
 * here; the pages read the same JSON files. Each reason, state and error has its words once per language.
 */
import { createInstance } from 'i18next';
import de from './de.json' with { type: 'json' };
import en from './en.json' with { type: 'json' };
import es from './es.json' with { type: 'json' };
import fr from './fr.json' with { type: 'json' };
import type { Language } from './languages.ts';

export { LANGUAGES, type Language, languageFor } from './languages.ts';

/** Plural forms (`_one`, `_other`) are requested without their suffix. */
type Singular<Key extends string> = Key extends `${infer Stem}_one` | `${infer Stem}_other` ? Stem : Key;
type Paths<Node> = {
  [Key in keyof Node & string]: Node[Key] extends string ? Singular<Key> : `${Key}.${Paths<Node[Key]>}`;
}[keyof Node & string];

/** A key of the catalog, e.g. `why.on-battery`. */
export type StringKey = Paths<typeof en>;

/** Values of `{{placeholders}}`; `count` also chooses the plural form. */
export type StringValues = Readonly<Record<string, string | number>>;

const catalog = createInstance({
  resources: {
    en: { translation: en },
    de: { translation: de },
    es: { translation: es },
    fr: { translation: fr },
  } satisfies Readonly<Record<Language, object>>,
  fallbackLng: false,
  // The texts are never HTML.
  interpolation: { escapeValue: false },
  initAsync: false,
});
void catalog.init();

type Translator = (key: string, values: StringValues) => string;
const translatorOf = (language: Language) => catalog.getFixedT(language) as unknown as Translator;

const translators: Readonly<Record<Language, Translator>> = {
  en: translatorOf('en'),
  de: translatorOf('de'),
  es: translatorOf('es'),
  fr: translatorOf('fr'),
};

/** The text of a key in a language, with its placeholders filled in. Throws if the catalog doesn't have the key. */
export function text(language: Language, key: StringKey, values: StringValues = {}): string {
  const found = translators[language](key, values);
  if (found === key) throw new Error(`assertion failed: the catalog has "${key}" in ${language}`);
  return found;
}
