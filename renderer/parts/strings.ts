/** React hooks for the user's language, the current time and model names. */
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useSection } from '../store.ts';

/** Translation function and the locale for dates and numbers. */
export function useStrings() {
  const { t, i18n } = useTranslation();
  return { t, language: regional(i18n.language) };
}

/** The browser's regional variant of the page's language (`en-GB` for `en`), for dates and times. */
function regional(language: string): string {
  return navigator.languages.find((tag) => tag.split('-')[0] === language) ?? language;
}

/** The current time, updated every `refreshMs`, for texts that depend on it. */
export function useNow(refreshMs = 1_000): number {
  const [nowMs, setNowMs] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNowMs(Date.now()), refreshMs);
    return () => clearInterval(timer);
  }, [refreshMs]);
  return nowMs;
}

/** Returns a model's display name; its ID if the catalog doesn't contain it. */
export function useModelName(): (id: string) => string {
  const { models } = useSection('models');
  return (id) => models.find((model) => model.id === id)?.name ?? id;
}
