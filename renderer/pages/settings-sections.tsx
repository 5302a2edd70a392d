/** Settings page: its sections, and the line of links that lead to them. */
import { type ReactNode, useEffect } from 'react';
import { useStrings } from '../parts/strings.ts';
import { hrefTo } from '../route.ts';

const SECTIONS = ['general', 'running', 'selling', 'buying', 'data', 'about'] as const;
export type SettingsSection = (typeof SECTIONS)[number];

/** The links; `item` of the address is the section that is shown when the page opens, or null for its top. */
export function SectionLinks({ item }: { item: string | null }) {
  const { t } = useStrings();
  useEffect(() => {
    // After the shell has moved the focus to the top of the page
    const timer = setTimeout(() => showSection(item), 0);
    return () => clearTimeout(timer);
  }, [item]);
  return (
    <nav className="settings-nav" aria-label={t('settings.sections')}>
      {SECTIONS.map((name) => (
        <a
          key={name}
          href={hrefTo('settings', name)}
          aria-current={name === item ? 'location' : undefined}
          // The address doesn't change when its section is pressed again.
          onClick={() => showSection(name)}
        >
          {t(`settings.section.${name}`)}
        </a>
      ))}
    </nav>
  );
}

export function Section({ name, children }: { name: SettingsSection; children: ReactNode }) {
  const { t } = useStrings();
  return (
    <section className="settings-section" aria-labelledby={idOf(name)}>
      <h2 id={idOf(name)} tabIndex={-1}>
        {t(`settings.section.${name}`)}
      </h2>
      {children}
    </section>
  );
}

function idOf(name: string): string {
  return `settings-${name}`;
}

function showSection(name: string | null): void {
  if (name === null) return;
  const heading = document.getElementById(idOf(name));
  heading?.scrollIntoView({ block: 'start' });
  heading?.focus({ preventScroll: true });
}
