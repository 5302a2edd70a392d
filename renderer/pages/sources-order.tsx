/** Job sources page: which source's jobs come first when there are more than free slots. */
import { JOB_PREFERENCES, JOB_SOURCES, movedTo } from '../../shared/job-sources.ts';
import { useIsFree } from '../parts/amount.tsx';
import { RuledNote, useIsRuled } from '../parts/ruled-note.tsx';
import { Segments } from '../parts/segments.tsx';
import { Part } from '../parts/setting.tsx';
import { useStrings } from '../parts/strings.ts';
import type { SourceProps } from './sources-parts.tsx';

const PLACES = ['first', 'second', 'third'] as const;

export function OrderPart({ settings, change }: Omit<SourceProps, 'paid'>) {
  const { t } = useStrings();
  const isRuled = useIsRuled();
  const { jobPreference } = settings;
  return (
    <Part isTop title={t('sources.first.title')} note={t('sources.first.note')}>
      <RuledNote groups={['jobs']} />
      <div className="settings-seg">
        <Segments
          label={t('sources.first.label')}
          value={jobPreference}
          isDisabled={isRuled('jobPreference')}
          onChange={(value) => change({ jobPreference: value })}
          options={JOB_PREFERENCES.map((value) => ({ value, label: t(`sources.first.of.${value}`) }))}
        />
      </div>
      <p className="settings-note sm soft">{t(`sources.first.meaning.${jobPreference}`)}</p>
      {jobPreference === 'own' ? <Order settings={settings} change={change} /> : null}
    </Part>
  );
}

/** The place of each source. The lines stay where they are, so that the keyboard's focus does, too. */
function Order({ settings: { jobSourceOrder }, change }: Omit<SourceProps, 'paid'>) {
  const { t } = useStrings();
  const isRuled = useIsRuled();
  const isOwn = useIsFree();
  const names = {
    market: t(isOwn ? 'sources.machines.title' : 'sources.market.title'),
    bittensor: t('sources.bittensor.title'),
    horde: t('horde.title'),
  };
  return JOB_SOURCES.map((source) => (
    <div key={source} className="settings-seg">
      <Segments
        label={names[source]}
        labelShown
        value={PLACES[jobSourceOrder.indexOf(source)] ?? 'first'}
        isDisabled={isRuled('jobSourceOrder')}
        onChange={(place) =>
          change({ jobSourceOrder: movedTo(jobSourceOrder, source, PLACES.indexOf(place)) })
        }
        options={PLACES.map((value) => ({ value, label: t(`sources.first.place.${value}`) }))}
      />
    </div>
  ));
}
