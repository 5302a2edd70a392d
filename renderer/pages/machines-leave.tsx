/** Part of the page "Machines": takes this machine out of the network, after a question. */
import { useAction } from '../calls.ts';
import { buttonClass } from '../parts/button.tsx';
import { Confirm } from '../parts/confirm.tsx';
import { Note } from '../parts/note.tsx';
import { ProblemNote } from '../parts/problem.tsx';
import { useStrings } from '../parts/strings.ts';
import { agent } from '../store.ts';

export function MachineLeave() {
  const { t } = useStrings();
  const leave = useAction((_: null) => agent.machines.leave({}));
  if (leave.result !== null) {
    return (
      <Note tone="info" role="status">
        {t(leave.result.restarts ? 'machines.leave.restarts' : 'machines.leave.done')}
      </Note>
    );
  }
  return (
    <>
      <ProblemNote problem={leave.problem} />
      <p>
        <Confirm
          button={t('machines.leave.act')}
          className={buttonClass({ kind: 'quiet', isSmall: true })}
          isDisabled={leave.busy}
          title={t('machines.leave.ask')}
          act={t('machines.leave.act')}
          isDanger
          onAct={() => leave.run(null)}
        >
          <p>{t('machines.leave.text')}</p>
        </Confirm>
      </p>
    </>
  );
}
