/** Counts the storefront's answers for Prometheus. */
import { writeMetrics } from '../adapters/prometheus/index.ts';

export interface StorefrontMetrics {
  /** Counts a request by the status of its answer. */
  noteAnswer(status: number): void;
  write(now: StorefrontNow): Promise<string>;
}

export interface StorefrontNow {
  readonly active: number;
  readonly customers: number;
  /** Null without a certificate by ACME. */
  readonly certificateExpiresAtMs: number | null;
}

export function createStorefrontMetrics(): StorefrontMetrics {
  const answers = new Map<number, number>();
  return {
    noteAnswer(status) {
      answers.set(status, (answers.get(status) ?? 0) + 1);
    },
    write: ({ active, customers, certificateExpiresAtMs }) =>
      writeMetrics([
        {
          name: 'idlewatt_storefront_requests_total',
          help: 'Requests since the start, by the status of the answer.',
          values: [...answers].map(([status, value]) => ({ labels: { status: String(status) }, value })),
        },
        {
          name: 'idlewatt_storefront_active_requests',
          help: 'Paid requests in progress.',
          values: [{ labels: {}, value: active }],
        },
        {
          name: 'idlewatt_storefront_customers',
          help: 'Customers with an API key.',
          values: [{ labels: {}, value: customers }],
        },
        {
          name: 'idlewatt_storefront_certificate_expiry_seconds',
          help: 'Time at which the certificate expires, in seconds since the epoch.',
          values:
            certificateExpiresAtMs === null ? [] : [{ labels: {}, value: certificateExpiresAtMs / 1_000 }],
        },
      ]),
  };
}
