/** The catalog with the owner's own files on the Models page: chosen by use, those that fit first. */
import { useState } from 'react';
import type { ModelEntry } from '../../shared/api/state.ts';
import { MODEL_STRENGTHS, type ModelStrength } from '../../shared/model-files.ts';
import { ActionButton } from '../parts/button.tsx';
import { Card } from '../parts/card.tsx';
import { Empty } from '../parts/empty.tsx';
import { Segments } from '../parts/segments.tsx';
import { useStrings } from '../parts/strings.ts';
import { type Income, ModelRow } from './model-row.tsx';

type Use = 'all' | ModelStrength;
const USES: readonly Use[] = ['all', ...MODEL_STRENGTHS];

/** `models`: the best for this machine first. */
export function Catalogue(props: { models: readonly ModelEntry[]; incomes: ReadonlyMap<string, Income> }) {
  const { t } = useStrings();
  const [use, setUse] = useState<Use>('all');
  const [showsLarger, setShowsLarger] = useState(false);
  const found = props.models.filter(({ strengths }) => use === 'all' || strengths.includes(use));
  const larger = found.filter(isLeftOut);
  const shown = showsLarger ? found : found.filter((model) => !isLeftOut(model));
  return (
    <Card title={t('models.catalogue')} aside={<span className="sm soft">{t('models.untilMeasured')}</span>}>
      <div className="filters models-filter">
        <Segments
          label={t('models.filter')}
          value={use}
          onChange={setUse}
          options={USES.map((value) => ({
            value,
            label: t(value === 'all' ? 'models.allUses' : `models.strength.${value}`),
          }))}
        />
      </div>
      {props.models.length === 0 ? (
        <Empty title={t('models.empty')}>
          <p>{t('models.emptyNext')}</p>
        </Empty>
      ) : shown.length === 0 ? (
        <p className="models-none sm soft">{t('models.noneFits')}</p>
      ) : (
        <ul className="rows">
          {shown.map((model) => (
            <ModelRow key={model.id} model={model} income={props.incomes.get(model.id) ?? null} />
          ))}
        </ul>
      )}
      {larger.length === 0 ? null : (
        <div className="models-larger">
          <ActionButton isSmall kind="quiet" onPress={() => setShowsLarger(!showsLarger)}>
            {showsLarger ? t('models.hideLarger') : t('models.showLarger', { count: larger.length })}
          </ActionButton>
        </div>
      )}
    </Card>
  );
}

/** Larger than the memory that it would be computed in, and the owner has nothing of it here. */
function isLeftOut({ fit, state, own, link, further }: ModelEntry): boolean {
  const isLarger = fit === 'does-not-fit' || fit === 'partly';
  return isLarger && state === 'absent' && !own && link === null && !further;
}
