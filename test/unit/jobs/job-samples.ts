/** Complete jobs for tests; the test sets the fields that it needs. */
import { type Job, jobSchema } from '../../../shared/jobs.ts';

export function soldJob(fields: Partial<Job> = {}): Job {
  return jobSchema.parse({
    id: 'job-1',
    side: 'sold',
    state: 'admitted',
    model: 'smollm2-135m-instruct',
    peer: '12D3KooWRequester',
    payer: '0x0000000000000000000000000000000000000001',
    channelId: '0xch',
    createdAtMs: 1_000,
    startedAtMs: null,
    firstTokenAtMs: null,
    endedAtMs: null,
    inputTokens: null,
    outputTokens: null,
    decodeTokensPerSecond: null,
    assetId: 'eip155:31337/0x01',
    charged: null,
    cumulative: null,
    receipt: null,
    finishReason: null,
    error: null,
    ...fields,
  });
}
