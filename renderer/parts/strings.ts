/** The reader's language and clock, and names for ids. */
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useSection } from '../store.ts';

export function useStrings() {
  const { t, i18n } = useTranslation();
  return { t, language: regional(i18n.language) };
}

/** The reader's own region where it speaks the page's language (`en-GB` for `en`), for dates and clocks. */
function regional(language: string): string {
  return navigator.languages.find((tag) => tag.split('-')[0] === language) ?? language;
}

/** The time now, renewed on a beat, for what is said relative to it. */
export function useNow(beatMs = 1_000): number {
  const [nowMs, setNowMs] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNowMs(Date.now()), beatMs);
    return () => clearInterval(timer);
  }, [beatMs]);
  return nowMs;
}

/** The name that people know a model by; its id when the catalogue does not have it. */
export function useModelName(): (id: string) => string {
  const { models } = useSection('models');
  return (id) => models.find((model) => model.id === id)?.name ?? id;
}
