/** Page "Buy inference": web pages and host names that the owner lets use the gateway; none by default. */
import { GATEWAY_EXCEPTIONS_MAX, type Settings, settingsSchema } from '../../shared/settings.ts';
import { useChanges } from '../calls.ts';
import { originOf } from '../origin.ts';
import { Card } from '../parts/card.tsx';
import { ProblemNote } from '../parts/problem.tsx';
import { useStrings } from '../parts/strings.ts';
import { TextList } from '../parts/text-list.tsx';
import { agent, useSection } from '../store.ts';

type Exception = 'gatewayOrigins' | 'gatewayHosts';

const NORMALIZED: Readonly<Record<Exception, (text: string) => string>> = {
  gatewayOrigins: originOf,
  gatewayHosts: (text) => text.trim().toLowerCase(),
};
const LENGTH_MAX = 200;

export function Exceptions() {
  const { t } = useStrings();
  const settings = useSection('settings');
  const change = useChanges((patch: Partial<Pick<Settings, Exception>>) => agent.settings.change(patch));
  return (
    <Card title={t('exceptions.title')}>
      <p className="use-why sm soft">{t('exceptions.note')}</p>
      <ProblemNote problem={change.problem} />
      {(['gatewayOrigins', 'gatewayHosts'] as const).map((name) => (
        <TextList
          key={name}
          words={{
            title: t(`exceptions.${name}`),
            none: t(`exceptions.${name}None`),
            field: t(`exceptions.${name}Add`),
            add: t('exceptions.add'),
            bad: t(`exceptions.${name}Bad`),
          }}
          list={settings[name]}
          max={GATEWAY_EXCEPTIONS_MAX}
          lengthMax={LENGTH_MAX}
          isBusy={change.busy}
          normalize={NORMALIZED[name]}
          isGood={(text) => settingsSchema.shape[name].element.safeParse(text).success}
          onChange={(list) => change.run({ [name]: list })}
        />
      ))}
    </Card>
  );
}
