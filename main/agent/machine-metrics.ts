/** The owner's machines as Prometheus sees them: whether each is there, and what it does. */
import type { ShownMachine, WorkDone } from '../../shared/machines.ts';
import { type Metric, writeMetrics } from '../adapters/prometheus/index.ts';

export function machineMetrics(machines: readonly ShownMachine[]): Promise<string> {
  const gauge = (name: string, help: string, read: (machine: ShownMachine) => number | null): Metric => ({
    name: `idlewatt_machine_${name}`,
    help,
    values: machines.map((machine) => ({ labels: labelsOf(machine), value: read(machine) })),
  });
  const today = (name: string, help: string, read: (work: WorkDone) => number) =>
    gauge(name, help, ({ report }) => (report === null ? null : read(report.served)));
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
  ]);
}

function labelsOf({ name, peer, role }: ShownMachine): Readonly<Record<string, string>> {
  return { machine: name, peer, role };
}
