/** What every return of `npm run bench -- handback` begins with: an engine that serves four streams. */
import type { Agent } from '../../main/agent.ts';
import { type AgentApi, waitForState } from '../lib/agent-process.ts';
import { question } from './practice-here.ts';
import type { Ask } from './streams.ts';

export const STREAMS = 4;
const ANSWER_TOKENS = 600;
const READY_MS_MAX = 60_000;

/** Resumes and waits until the engine has its model again. */
export async function running(api: AgentApi): Promise<void> {
  await api.presence.resume({});
  await waitForState(api, ({ work }) => work.engine === 'ready' && work.presence.decision === 'run', {
    timeoutMs: READY_MS_MAX,
  });
}

/** Resolves when every stream holds a sequence, which is before its prompt was computed; with the engine's id. */
export function allStreams(agent: Agent): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const look = () => {
    const status = agent.engine.status();
    if (status.state === 'ready' && status.activeSequences === STREAMS) resolve(status.pid);
  };
  const unsubscribe = agent.engine.onStatus(look);
  look();
  const late = setTimeout(() => reject(new Error('the streams did not begin')), READY_MS_MAX);
  return promise.finally(() => {
    clearTimeout(late);
    unsubscribe();
  });
}

/** Four answers, which end with the owner's return. */
export async function serve(ask: Ask, round: number): Promise<void> {
  await Promise.allSettled(
    Array.from({ length: STREAMS }, (_, stream) => ask(question(round + stream, ANSWER_TOKENS))),
  );
}

/** The value that this share of all does not exceed. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}
