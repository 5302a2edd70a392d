/** Public interface of the Prometheus adapter: writes readings in the text format that Prometheus reads. */
export { type Metric, writeMetrics } from './metrics.ts';
