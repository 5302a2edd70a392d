/** Page "Machines": all machines of the owner with their state and what they did today; pauses and removes them. */
import type { MachineOrder, ShownMachine } from '../../shared/machines.ts';
import { useAction } from '../calls.ts';
import { writeMeasured, writeMoment, writeNumber } from '../format.ts';
import { ActionButton, buttonClass, IconButton } from '../parts/button.tsx';
import { Card, Columns } from '../parts/card.tsx';
import { Confirm } from '../parts/confirm.tsx';
import { Note } from '../parts/note.tsx';
import { PageHead } from '../parts/page-head.tsx';
import { ProblemNote } from '../parts/problem.tsx';
import { useNow, useStrings } from '../parts/strings.ts';
import { type Column, Table } from '../parts/table.tsx';
import { Tag } from '../parts/tag.tsx';
import { agent, useSection } from '../store.ts';
import { MachineHistory } from './machines-history.tsx';
import { MachineInvitation } from './machines-invitation.tsx';
import { MachineJoin } from './machines-join.tsx';
import { MachineLeave } from './machines-leave.tsx';
import { EarnedOutside, MachinesNone, useOutsideColumn } from './machines-outside.tsx';
import { MachinePayout } from './machines-payout.tsx';
import { MachineRules } from './machines-rules.tsx';
import { MACHINE_STATES, type MachineState, reasonOf, STATE_LOOKS, stateOf } from './machines-state.ts';

const HOUR_MS = 3_600_000;

export function Machines() {
  const { t } = useStrings();
  const state = useSection('machines');
  const order = useAction((input: { peer: string | null; order: MachineOrder }) =>
    agent.machines.order(input),
  );
  const remove = useAction((peer: string) => agent.machines.remove({ peer }));
  const columns = useColumns({
    isOwner: state?.role === 'owner',
    sellsOutside: state?.machines.some(({ report }) => report?.outside != null) ?? false,
    isBusy: order.busy || remove.busy,
    order: order.run,
    remove: remove.run,
  });
  if (state === null) return <MachinesNone />;
  const { machines } = state;
  const isOwner = state.role === 'owner';
  const areAllPaused = machines.every((machine) => ['paused', 'down'].includes(stateOf(machine)));
  const what: MachineOrder = areAllPaused ? 'resume' : 'pause';
  const failed = order.result?.failed ?? [];
  return (
    <>
      <PageHead title={t('nav.machines')}>
        {isOwner ? (
          <ActionButton
            isSmall
            icon={areAllPaused ? 'play' : 'pause'}
            isDisabled={order.busy}
            onPress={() => order.run({ peer: null, order: what })}
          >
            {t(areAllPaused ? 'machines.resumeAll' : 'machines.pauseAll')}
          </ActionButton>
        ) : null}
      </PageHead>
      <ProblemNote problem={order.problem ?? remove.problem} />
      {failed.length > 0 ? (
        <Note tone="warning" role="status" title={t('machines.orderFailed', { names: failed.join(', ') })}>
          <p>{t('machines.orderFailedNote')}</p>
        </Note>
      ) : null}
      <Summary machines={machines} />
      <Card label={t('machines.all')}>
        <Table
          label={t('machines.all')}
          columns={columns}
          rows={sorted(machines)}
          rowKey={({ peer }) => peer}
        />
      </Card>
      {state.role === null ? <Note tone="warning" title={t('machines.removed')} /> : null}
      <Columns>
        <MachineHistory machines={machines} />
        <div className="stack">
          <MachineRules ruled={state.ruled} isOwner={isOwner} />
          <MachinePayout state={state} />
          {isOwner ? <MachineInvitation /> : null}
          {machines.length <= 1 || state.role === null ? <MachineJoin /> : null}
        </div>
      </Columns>
      {isOwner || state.role === null ? null : <p className="sm soft">{t('machines.ownersAdd')}</p>}
      {machines.length > 1 ? <MachineLeave /> : null}
    </>
  );
}

/** Those that need attention first. */
function sorted(machines: readonly ShownMachine[]): readonly ShownMachine[] {
  const place = (machine: ShownMachine) => MACHINE_STATES.length - MACHINE_STATES.indexOf(stateOf(machine));
  return [...machines].sort((a, b) => place(a) - place(b) || a.name.localeCompare(b.name));
}

function Summary({ machines }: { machines: readonly ShownMachine[] }) {
  const { t, language } = useStrings();
  const reports = machines.flatMap(({ report }) => (report === null ? [] : [report]));
  const sum = (read: (report: (typeof reports)[number]) => number) =>
    reports.reduce((total, report) => total + read(report), 0);
  const watts = machines.flatMap((machine) =>
    machine.isConnected && machine.report?.watts != null ? [machine.report.watts] : [],
  );
  const speeds = machines.flatMap((machine) =>
    machine.isConnected && machine.report?.tokensPerSecond != null ? [machine.report.tokensPerSecond] : [],
  );
  const now = [
    t('machines.speed', {
      speed: writeMeasured(
        speeds.reduce((a, b) => a + b, 0),
        language,
      ),
    }),
    watts.length === 0
      ? t('machines.wattsUnknown')
      : t('machines.watts', {
          watts: writeNumber(
            watts.reduce((a, b) => a + b, 0),
            language,
          ),
        }),
  ];
  const counted = MACHINE_STATES.map((state) => ({
    state,
    count: machines.filter((machine) => stateOf(machine) === state).length,
  })).filter(({ count }) => count > 0);
  const legend = counted.map(({ state, count }) => `${t(`machines.state.${state}`)} ${count}`);
  return (
    <Card label={t('machines.summary')} isPadded className="fleet-card">
      <div>
        <p className="label">{t('machines.today', { count: machines.length })}</p>
        <p className="hero-num">
          {writeNumber(
            sum(({ served }) => served.outputTokens),
            language,
          )}
        </p>
        <p className="sm soft">
          {t('machines.work', {
            input: writeNumber(
              sum(({ served }) => served.inputTokens),
              language,
            ),
            hours: writeNumber(sum(({ served }) => served.workMs) / HOUR_MS, language, 1),
          })}
        </p>
        <EarnedOutside machines={machines} />
      </div>
      <div className="fleet-side">
        <p className="sm soft fleet-now">{now.join(' · ')}</p>
        <div className="fleet" role="img" aria-label={legend.join(', ')}>
          {counted.flatMap(({ state, count }) =>
            Array.from({ length: count }, (_, index) => (
              <i key={`${state}${index}`} className={`is-${state}`} />
            )),
          )}
        </div>
        <p className="sm soft fleet-key" aria-hidden="true">
          {counted.map(({ state }, index) => (
            <span key={state}>
              <i className={`is-${state}`} />
              {legend[index]}
            </span>
          ))}
        </p>
      </div>
    </Card>
  );
}

function useColumns({
  isOwner,
  sellsOutside,
  isBusy,
  order,
  remove,
}: {
  isOwner: boolean;
  /** One of the machines sells to others. */
  sellsOutside: boolean;
  isBusy: boolean;
  order: (input: { peer: string; order: MachineOrder }) => void;
  remove: (peer: string) => void;
}): readonly Column<ShownMachine>[] {
  const { t, language } = useStrings();
  const outside = useOutsideColumn();
  const measured = (value: number | null | undefined) =>
    value == null ? '–' : writeMeasured(value, language);
  return [
    {
      key: 'name',
      head: t('machines.machine'),
      fold: 1,
      cell: ({ name, isSelf, role }) => (
        <>
          <b>{name}</b>{' '}
          <span className="xs soft">{t(isSelf ? 'machines.self' : `machines.role.${role}`)}</span>
        </>
      ),
    },
    { key: 'state', head: t('machines.stateHead'), fold: 3, cell: (row) => <State machine={row} /> },
    {
      key: 'device',
      head: t('machines.device'),
      isOptional: true,
      cell: ({ report }) => <span className="soft">{report?.device ?? t('common.unknown')}</span>,
    },
    {
      key: 'speed',
      head: t('machines.speedHead'),
      isNumber: true,
      cell: ({ report, isConnected }) => measured(isConnected ? report?.tokensPerSecond : null),
    },
    {
      key: 'watts',
      head: t('machines.wattsHead'),
      isNumber: true,
      isOptional: true,
      cell: ({ report, isConnected }) => measured(isConnected ? report?.watts : null),
    },
    {
      key: 'hours',
      head: t('machines.hours'),
      isNumber: true,
      cell: ({ report }) =>
        report === null ? '–' : writeNumber(report.served.workMs / HOUR_MS, language, 1),
    },
    {
      key: 'tokens',
      head: t('machines.tokens'),
      isNumber: true,
      // Money never yields where space is short.
      ...(sellsOutside ? { isOptional: true } : { fold: 4 as const }),
      cell: ({ report }) => (report === null ? '–' : writeNumber(report.served.outputTokens, language)),
    },
    ...(sellsOutside ? [outside] : []),
    {
      key: 'acts',
      head: t('machines.acts'),
      isNumber: true,
      fold: 2,
      cell: (row) => {
        const isPaused = stateOf(row) === 'paused';
        return (
          <>
            <IconButton
              icon={isPaused ? 'play' : 'pause'}
              label={t(isPaused ? 'machines.resumeOne' : 'machines.pauseOne', { name: row.name })}
              isDisabled={isBusy || !row.isConnected || !(isOwner || row.isSelf)}
              onPress={() => order({ peer: row.peer, order: isPaused ? 'resume' : 'pause' })}
            />
            {row.isRemovable ? <Remove machine={row} isBusy={isBusy} remove={remove} /> : null}
          </>
        );
      },
    },
  ];
}

function Remove(props: { machine: ShownMachine; isBusy: boolean; remove: (peer: string) => void }) {
  const { t } = useStrings();
  const { peer, name } = props.machine;
  return (
    <Confirm
      icon="trash"
      button={t('common.remove')}
      buttonLabel={t('common.removeOf', { name })}
      className={buttonClass({ kind: 'quiet', isSmall: true }, true)}
      isDisabled={props.isBusy}
      title={t('machines.removeAsk', { name })}
      act={t('common.remove')}
      isDanger
      onAct={() => props.remove(peer)}
    >
      <p>{t('machines.removeText')}</p>
    </Confirm>
  );
}

function State({ machine }: { machine: ShownMachine }) {
  const { t, language } = useStrings();
  const nowMs = useNow(60_000);
  const state: MachineState = stateOf(machine);
  const { tone, icon } = STATE_LOOKS[state];
  const reason = reasonOf(machine);
  const since = machine.reportedAtMs;
  return (
    <>
      <Tag tone={tone} icon={icon}>
        {t(`machines.state.${state}`)}
      </Tag>{' '}
      <span className="xs soft">
        {reason === null ? null : t(`machines.reason.${reason}`)}
        {state === 'down' && since !== null
          ? t('machines.since', { time: writeMoment(since, nowMs, language) })
          : null}
      </span>
    </>
  );
}
