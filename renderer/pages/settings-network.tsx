/** Choice of the network in Settings: what each means and needs, and a confirmation, since it ends running jobs. */
import { useState } from 'react';
import { type NetworkChoice, networkChoiceSchema, termsOfChoice } from '../../shared/network-choice.ts';
import { useAction } from '../calls.ts';
import { buttonClass } from '../parts/button.tsx';
import { Choice } from '../parts/choice.tsx';
import { Confirm } from '../parts/confirm.tsx';
import { Note } from '../parts/note.tsx';
import { ProblemNote } from '../parts/problem.tsx';
import { Part } from '../parts/setting.tsx';
import { useStrings } from '../parts/strings.ts';
import { systemOf } from '../parts/system.ts';
import { agent, useSection } from '../store.ts';

export function NetworkPart() {
  const { t } = useStrings();
  const { network, platform } = useSection('app');
  const { active, chosen, isFixed, restarts, needsPassphraseFile } = network;
  const [picked, setPicked] = useState<NetworkChoice | null>(null);
  const choose = useAction((next: NetworkChoice) => agent.app.chooseNetwork({ network: next }));
  const value = picked ?? chosen;
  return (
    <Part title={t('settings.network.title')} note={t('settings.network.own')}>
      <div className="row-line">
        <Choice
          label={t('settings.network.label')}
          value={value}
          isDisabled={isFixed || choose.busy}
          onChange={setPicked}
          options={networkChoiceSchema.options.map((name) => ({
            value: name,
            title: t(`settings.network.name.${name}`),
            text: t(`settings.network.meaning.${name}`),
            isPractice: name === 'practice',
            isDisabled: termsOfChoice(name).profile === 'open' && needsPassphraseFile,
          }))}
        />
      </div>
      {isFixed ? <Note>{t('settings.network.fixed')}</Note> : null}
      {needsPassphraseFile && !isFixed ? <Note>{t('settings.network.needsPassphraseFile')}</Note> : null}
      {chosen !== active && !isFixed ? (
        <Note role="status">
          {t(restarts ? 'settings.network.restarting' : 'settings.network.nextStart')}
        </Note>
      ) : null}
      <ProblemNote problem={choose.problem} />
      {value === chosen ? null : (
        <div className="row-line">
          <Confirm
            button={t('settings.network.act')}
            className={buttonClass({ kind: 'primary' })}
            isDisabled={choose.busy}
            title={t('settings.network.ask', { network: t(`settings.network.name.${value}`) })}
            act={t('settings.network.act')}
            onAct={() => {
              choose.run(value);
              setPicked(null);
            }}
          >
            <p>{t(`settings.network.meaning.${value}`)}</p>
            {value === 'practice' ? null : <p>{t(`settings.network.firewall.${systemOf(platform)}`)}</p>}
            <p>{t(restarts ? 'settings.network.askText' : 'settings.network.nextStart')}</p>
          </Confirm>
        </div>
      )}
    </Part>
  );
}
