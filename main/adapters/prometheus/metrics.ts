/** Writes readings in Prometheus' text format. */
import { Gauge, Registry } from 'prom-client';

export interface Metric {
  /** Base unit last, as in `idlewatt_work_seconds`. */
  readonly name: string;
  readonly help: string;
  readonly values: readonly {
    readonly labels: Readonly<Record<string, string>>;
    /** Null while unknown: the line is left out. */
    readonly value: number | null;
  }[];
}

export function writeMetrics(metrics: readonly Metric[]): Promise<string> {
  const registry = new Registry();
  for (const { name, help, values } of metrics) {
    const labelNames = [...new Set(values.flatMap(({ labels }) => Object.keys(labels)))];
    const gauge = new Gauge({ name, help, labelNames, registers: [registry] });
    for (const { labels, value } of values) if (value !== null) gauge.set({ ...labels }, value);
  }
  return registry.metrics();
}
