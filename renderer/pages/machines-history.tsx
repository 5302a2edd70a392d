/** Part of the page "Machines": what one machine or all did on the last days, with the energy that it took. */
import { useState } from 'react';
import type { MachineDay, ShownMachine } from '../../shared/machines.ts';
import { writeDay, writeNumber } from '../format.ts';
import { Card } from '../parts/card.tsx';
import { Unknown } from '../parts/fact.tsx';
import { Pick } from '../parts/pick.tsx';
import { useStrings } from '../parts/strings.ts';
import { type Column, Table } from '../parts/table.tsx';

const HOUR_MS = 3_600_000;
const ALL = 'all';

export function MachineHistory({ machines }: { machines: readonly ShownMachine[] }) {
  const { t, language } = useStrings();
  const [peer, setPeer] = useState(ALL);
  const chosen = machines.filter((machine) => peer === ALL || machine.peer === peer);
  const days = sumOfDays(chosen.flatMap(({ report }) => report?.days ?? []));
  const unheard = chosen.filter(({ report }) => report === null).map(({ name }) => name);
  const columns: readonly Column<MachineDay>[] = [
    { key: 'day', head: t('machines.history.day'), fold: 1, cell: ({ day }) => writeDay(day, language) },
    {
      key: 'hours',
      head: t('machines.hours'),
      isNumber: true,
      fold: 2,
      cell: ({ workMs }) => `${writeNumber(workMs / HOUR_MS, language, 1)} h`,
    },
    {
      key: 'tokens',
      head: t('machines.history.tokens'),
      isNumber: true,
      fold: 3,
      cell: ({ outputTokens }) => writeNumber(outputTokens, language),
    },
    {
      key: 'energy',
      head: t('machines.history.energy'),
      isNumber: true,
      fold: 4,
      cell: ({ wattHours }) =>
        wattHours === null ? <Unknown /> : `${writeNumber(Math.round(wattHours), language)} Wh`,
    },
  ];
  return (
    <Card title={t('machines.history.title')}>
      <Pick
        label={t('machines.machine')}
        value={peer}
        options={[
          { value: ALL, label: t('machines.all') },
          ...machines.map((machine) => ({ value: machine.peer, label: machine.name })),
        ]}
        onChange={setPeer}
      />
      {days.length === 0 ? (
        <p className="use-why sm soft">{t('machines.history.none')}</p>
      ) : (
        <Table label={t('machines.history.title')} columns={columns} rows={days} rowKey={({ day }) => day} />
      )}
      {unheard.length === 0 ? null : (
        <p className="use-why sm soft">
          {t('machines.history.unheard', { names: new Intl.ListFormat(language).format(unheard) })}
        </p>
      )}
    </Card>
  );
}

/** By day, the newest first. The energy of a day is unknown if one machine doesn't know its own. */
function sumOfDays(days: readonly MachineDay[]): readonly MachineDay[] {
  const sums = new Map<string, MachineDay>();
  for (const each of days) {
    const before = sums.get(each.day);
    const isKnown = each.wattHours !== null && before?.wattHours !== null;
    sums.set(each.day, {
      day: each.day,
      outputTokens: each.outputTokens + (before?.outputTokens ?? 0),
      workMs: each.workMs + (before?.workMs ?? 0),
      wattHours: isKnown ? (each.wattHours ?? 0) + (before?.wattHours ?? 0) : null,
    });
  }
  return [...sums.values()].sort((left, right) => (left.day < right.day ? 1 : -1));
}
