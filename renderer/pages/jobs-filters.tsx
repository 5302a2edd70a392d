/** Filters of the page Jobs: outcome, model, and a search that the agent answers. */
import { useEffect, useState } from 'react';
import { Button } from 'react-aria-components/Button';
import { Input } from 'react-aria-components/Input';
import { Label } from 'react-aria-components/Label';
import { SearchField } from 'react-aria-components/SearchField';
import { JOB_SEARCH_CHARACTERS_MAX } from '../../shared/job-search.ts';
import type { Job } from '../../shared/jobs.ts';
import { Icon } from '../parts/icon.tsx';
import { Segments } from '../parts/segments.tsx';
import { useModelName, useStrings } from '../parts/strings.ts';
import { useSection } from '../store.ts';

export type Outcome = 'all' | 'served' | 'failed';

export interface JobFilters {
  readonly outcome: Outcome;
  /** Null: all models. */
  readonly model: string | null;
  readonly search: string;
}

export const NO_FILTERS: JobFilters = { outcome: 'all', model: null, search: '' };

/** The agent searches when the owner stops typing for this long. */
const TYPING_MS = 250;

export function Filters(props: {
  filters: JobFilters;
  /** Jobs that are shown: their models can be chosen, too. */
  jobs: readonly Job[];
  onChange: (filters: JobFilters) => void;
}) {
  const { t } = useStrings();
  const { filters, onChange } = props;
  return (
    <div className="filters">
      <Segments
        label={t('jobs.outcome.label')}
        value={filters.outcome}
        onChange={(outcome) => onChange({ ...filters, outcome })}
        options={(['all', 'served', 'failed'] as const).map((value) => ({
          value,
          label: t(`jobs.outcome.${value}`),
        }))}
      />
      <ModelFilter {...props} />
      <Search {...props} />
    </div>
  );
}

function ModelFilter({ filters, jobs, onChange }: Parameters<typeof Filters>[0]) {
  const { t } = useStrings();
  const modelName = useModelName();
  const { models } = useSection('models');
  const known = [...models.map(({ id }) => id), ...jobs.map(({ model }) => model), filters.model];
  const names = [...new Set(known.filter((id) => id !== null))].sort((one, other) =>
    modelName(one).localeCompare(modelName(other)),
  );
  return (
    <select
      className="select"
      aria-label={t('jobs.column.model')}
      value={filters.model ?? ''}
      onChange={({ target }) => onChange({ ...filters, model: target.value === '' ? null : target.value })}
    >
      <option value="">{t('jobs.allModels')}</option>
      {names.map((id) => (
        <option key={id} value={id}>
          {modelName(id)}
        </option>
      ))}
    </select>
  );
}

function Search({ filters, onChange }: Parameters<typeof Filters>[0]) {
  const { t } = useStrings();
  const [typed, setTyped] = useState(filters.search);
  const search = typed.trim();
  useEffect(() => {
    if (filters.search === '') setTyped('');
  }, [filters.search]);
  useEffect(() => {
    if (search === filters.search) return;
    const timer = setTimeout(() => onChange({ ...filters, search }), TYPING_MS);
    return () => clearTimeout(timer);
  }, [search, filters, onChange]);
  return (
    <SearchField className="search" value={typed} onChange={setTyped} maxLength={JOB_SEARCH_CHARACTERS_MAX}>
      <Label className="for-readers">{t('jobs.search')}</Label>
      <Icon name="search" isSmall />
      <Input className="search-input" placeholder={t('jobs.search')} />
      {typed === '' ? null : (
        <Button className="search-clear" aria-label={t('jobs.clearSearch')}>
          <Icon name="cross" isSmall />
        </Button>
      )}
    </SearchField>
  );
}
