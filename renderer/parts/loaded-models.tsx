/** Line with the models that are in memory now, and their jobs. */
import { useSection } from '../store.ts';
import { useModelName, useStrings } from './strings.ts';

export function LoadedModels() {
  const { t, language } = useStrings();
  const { loaded } = useSection('work');
  const modelName = useModelName();
  if (loaded.length === 0) return <p className="sm soft">{t('models.nothingInMemory')}</p>;
  const names = loaded.map(({ model: id, state, jobs }) => {
    const model = modelName(id);
    if (state !== 'ready') return t(`models.memoryState.${state}`, { model });
    return jobs === 0 ? model : t('models.memoryJobs', { model, count: jobs });
  });
  const models = new Intl.ListFormat(language, { type: 'unit' }).format(names);
  return <p className="sm soft">{t('models.inMemory', { models })}</p>;
}
