/** Prepares each hand-back of `npm run bench -- handback`: an engine that serves four streams. */
import type { Agent } from '../../main/agent.ts';
import { forceUnwrap } from '../../shared/assert.ts';
import { type AgentApi, waitForState } from '../lib/agent-process.ts';
import { question } from './practice-here.ts';
import type { Ask } from './streams.ts';

export const STREAMS = 4;
const ANSWER_TOKENS = 600;
const READY_MS_MAX = 60_000;

/** Resumes and waits until the engine has loaded its model again. */
export async function running(api: AgentApi): Promise<void> {
  await api.presence.resume({});
  await waitForState(api, ({ work }) => work.engine === 'ready' && work.presence.decision === 'run', {
    timeoutMs: READY_MS_MAX,
  });
}

/** Resolves with the engine's process ID when every stream has a sequence, which is before its prompt is computed. */
export function allStreams(agent: Agent): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const check = () => {
    const status = agent.engine.status();
    if (status.state !== 'ready' || status.activeSequences !== STREAMS) return;
    resolve(forceUnwrap('an engine process has an ID', status.pid));
  };
  const unsubscribe = agent.engine.onStatus(check);
  check();
  const late = setTimeout(() => reject(new Error('The streams did not start.')), READY_MS_MAX);
  return promise.finally(() => {
    clearTimeout(late);
    unsubscribe();
  });
}

/** Requests four responses, which end with the owner's return. */
export async function serve(ask: Ask, round: number): Promise<void> {
  await Promise.allSettled(
    Array.from({ length: STREAMS }, (_, stream) => ask(question(round + stream, ANSWER_TOKENS))),
  );
}

/** Returns the value that this share of all values does not exceed. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}
