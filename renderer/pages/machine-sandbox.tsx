/** Machine page: the parts of the engine's sandbox, and the reason for each part that isn't active. */
import { SANDBOX_PARTS } from '../../shared/sandbox.ts';
import { Unknown } from '../parts/fact.tsx';
import { useStrings } from '../parts/strings.ts';
import { useSection } from '../store.ts';

/** Shows what the loaded engine reports about its own sandbox. Without an engine every part is unknown. */
export function Sandbox() {
  const { t } = useStrings();
  const { sandbox } = useSection('work');
  return (
    <section aria-labelledby="machine-sandbox">
      <h2 id="machine-sandbox">{t('sandbox.title')}</h2>
      <p className="soft">{t('sandbox.what')}</p>
      <ul className="rows">
        {SANDBOX_PARTS.map((part) => {
          const state = sandbox?.[part] ?? null;
          return (
            <li className="row sandbox-part" key={part}>
              <span className="row-title">{t(`sandbox.part.${part}`)}</span>
              <span className="row-number">
                {state === null ? (
                  <Unknown about={t('sandbox.unknown')} />
                ) : (
                  t(state === 'in-force' ? 'sandbox.inForce' : 'sandbox.notInForce')
                )}
              </span>
              <span className="row-note">
                {state === null || state === 'in-force'
                  ? t(`sandbox.meaning.${part}`)
                  : t(`sandbox.missing.${state}`)}
              </span>
            </li>
          );
        })}
      </ul>
    </section>
  );
}
