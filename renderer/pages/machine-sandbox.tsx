/** Machine page: the parts of the engine's sandbox, and the reason for each part that isn't active. */
import { SANDBOX_PARTS } from '../../shared/sandbox.ts';
import { Card } from '../parts/card.tsx';
import { Icon } from '../parts/icon.tsx';
import { Row, Rows } from '../parts/rows.tsx';
import { useStrings } from '../parts/strings.ts';
import { Tag } from '../parts/tag.tsx';
import { useSection } from '../store.ts';

/** Shows what the loaded engine reports about its own sandbox. Without an engine every part is unknown. */
export function Sandbox() {
  const { t } = useStrings();
  const { sandbox } = useSection('work');
  const active = SANDBOX_PARTS.filter((part) => sandbox?.[part] === 'in-force').length;
  return (
    <Card
      title={t('sandbox.title')}
      aside={
        <span className="sm soft">
          {sandbox === null
            ? t('sandbox.unknown')
            : t('sandbox.count', { active, total: SANDBOX_PARTS.length })}
        </span>
      }
    >
      <p className="held">
        {SANDBOX_PARTS.map((part) => {
          const isActive = sandbox?.[part] === 'in-force';
          return (
            <span key={part} className={isActive ? undefined : 'soft'}>
              <Icon name={isActive ? 'check' : sandbox === null ? 'clock' : 'cross'} isSmall />
              {t(`sandbox.part.${part}`)}
            </span>
          );
        })}
      </p>
      <details className="fold">
        <summary>
          <Icon name="next" isSmall />
          {t('sandbox.details')}
        </summary>
        <p className="use-why sm soft">{t('sandbox.what')}</p>
        <Rows isTight>
          {SANDBOX_PARTS.map((part) => {
            const state = sandbox?.[part] ?? null;
            return (
              <Row
                key={part}
                title={t(`sandbox.part.${part}`)}
                note={
                  state === null || state === 'in-force'
                    ? t(`sandbox.meaning.${part}`)
                    : t(`sandbox.missing.${state}`)
                }
                end={
                  state === null ? (
                    <Tag>{t('common.unknown')}</Tag>
                  ) : (
                    <Tag tone={state === 'in-force' ? 'good' : 'warning'}>
                      {t(state === 'in-force' ? 'sandbox.inForce' : 'sandbox.notInForce')}
                    </Tag>
                  )
                }
              />
            );
          })}
        </Rows>
      </details>
    </Card>
  );
}
