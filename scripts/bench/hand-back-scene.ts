/** Prepares and measures hand-backs: an engine that serves, and its end when the owner returns. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Agent } from '../../main/agent.ts';
import { forceUnwrap } from '../../shared/assert.ts';
import { type AgentApi, waitForState } from '../lib/agent-process.ts';
import { question } from './practice-here.ts';
import { canSample, monotonicMs, sampleProcess, watchGone } from './process-watch.ts';
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

/**
 * Pauses after a time, as the tray does. Returns the times from the call to the engine's last computation, null where it
 * can't be sampled, and to the end of its process and memory.
 */
export async function measureReturn(
  api: AgentApi,
  pid: number,
  afterMs: number,
): Promise<{ readonly stoppedMs: number | null; readonly freedMs: number }> {
  const lastComputed = canSample() ? await sampleProcess(pid) : null;
  await sleep(afterMs);
  const gone = watchGone(pid);
  // Lets the watching thread start and poll once before the owner returns.
  await sleep(60);
  const startMs = monotonicMs();
  await api.presence.pause({ until: 'resume' });
  const freedMs = (await gone) - startMs;
  // A negative time means that no thread had a CPU when the owner returned: it had stopped before.
  const stoppedMs = lastComputed === null ? null : Math.max(0, (await lastComputed()) - startMs);
  return { stoppedMs, freedMs };
}

/** Resolves with the engine's process ID when every stream has a sequence, which is before its prompt is computed. */
export function allStreams(agent: Agent, streams = STREAMS): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const check = () => {
    const status = agent.engine.status();
    if (status.state !== 'ready' || status.activeSequences !== streams) return;
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
