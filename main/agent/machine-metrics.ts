/** The owner's machines as Prometheus sees them: whether each is there, and what it does. */
import { OUTSIDE_DAYS, type ShownMachine, type WorkDone } from '../../shared/machines.ts';
import { formatUnits } from '../../shared/money.ts';
import { type Metric, writeMetrics } from '../adapters/prometheus/index.ts';

export function machineMetrics(machines: readonly ShownMachine[]): Promise<string> {
  const gauge = (name: string, help: string, read: (machine: ShownMachine) => number | null): Metric => ({
    name: `idlewatt_machine_${name}`,
    help,
    values: machines.map((machine) => ({ labels: labelsOf(machine), value: read(machine) })),
  });
  const today = (name: string, help: string, read: (work: WorkDone) => number) =>
    gauge(name, help, ({ report }) => (report === null ? null : read(report.served)));
  /** In the token, by asset, so that practice money and real money are never added up. */
  const outside: Metric = {
    name: 'idlewatt_machine_earned_outside_30d',
    help: `Earned from others in the last ${OUTSIDE_DAYS} days, in the token.`,
    values: machines.flatMap((machine) => {
      const sold = machine.report?.outside ?? null;
      if (sold === null) return [];
      const { asset, earned } = sold;
      const labels = { ...labelsOf(machine), asset: asset.id, practice: String(asset.practice) };
      return [{ labels, value: Number(formatUnits(BigInt(earned), asset.decimals)) }];
    }),
  };
  return writeMetrics([
    gauge('up', '1 if the machine is connected.', ({ isConnected }) => Number(isConnected)),
    gauge('free', '1 if the machine may work now.', ({ report }) =>
      report === null ? null : Number(report.presence.decision !== 'pause'),
    ),
    gauge('jobs', 'Jobs in progress.', ({ report }) => report?.jobs ?? null),
    gauge('tokens_per_second', 'Speed now.', ({ report }) => report?.tokensPerSecond ?? null),
    gauge('watts', 'Power draw of the work.', ({ report }) => report?.watts ?? null),
    today('served_today_jobs', 'Jobs served today.', ({ jobs }) => jobs),
    today('served_today_input_tokens', 'Prompt tokens read today.', ({ inputTokens }) => inputTokens),
    today('served_today_output_tokens', 'Tokens generated today.', ({ outputTokens }) => outputTokens),
    today('served_today_seconds', 'Duration of the jobs served today.', ({ workMs }) => workMs / 1_000),
    outside,
  ]);
}

function labelsOf({ name, peer, role }: ShownMachine): Readonly<Record<string, string>> {
  return { machine: name, peer, role };
}
