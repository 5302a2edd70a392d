/** Paired browsers in Settings, where the pages are served to browsers: who has access, and how to take it away. */

import { useAction, useAnswer } from '../calls.ts';
import { COMMAND } from '../command.ts';
import { writeDay } from '../format.ts';
import { buttonClass } from '../parts/button.tsx';
import { Confirm } from '../parts/confirm.tsx';
import { ProblemNote } from '../parts/problem.tsx';
import { Row } from '../parts/rows.tsx';
import { Part } from '../parts/setting.tsx';
import { useStrings } from '../parts/strings.ts';
import { agent, useSection } from '../store.ts';

export function PairingPart() {
  const { host } = useSection('app');
  return host === 'headless' ? <PairedBrowsers /> : null;
}

function PairedBrowsers() {
  const { t, language } = useStrings();
  const { data, problem, reload } = useAnswer('pairing', () => agent.pairing.list({}));
  const revoke = useAction(async (id: string) => {
    await agent.pairing.revoke({ id });
    reload();
  });
  const day = (atMs: number) => writeDay(new Date(atMs).toISOString().slice(0, 10), language);
  return (
    <Part title={t('pair.title')} note={t('pair.note', { command: COMMAND })}>
      <ProblemNote problem={problem ?? revoke.problem} />
      {data?.browsers.length === 0 ? <p className="row-line soft">{t('pair.none')}</p> : null}
      <ul className="rows">
        {(data?.browsers ?? []).map(({ id, name, pairedAtMs, lastSeenMs }) => (
          <Row
            key={id}
            title={name}
            note={t('pair.since', { paired: day(pairedAtMs), seen: day(lastSeenMs) })}
            end={
              <Confirm
                button={t('pair.revoke')}
                buttonLabel={t('pair.revokeOf', { name })}
                className={buttonClass({ isSmall: true })}
                isDisabled={revoke.busy}
                title={t('pair.revokeAsk', { name })}
                act={t('pair.revoke')}
                isDanger
                onAct={() => revoke.run(id)}
              >
                <p>{t('pair.revokeText')}</p>
              </Confirm>
            }
          />
        ))}
      </ul>
    </Part>
  );
}
