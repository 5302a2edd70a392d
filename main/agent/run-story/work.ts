/** Logs when work was permitted, and what the engine and the measurements did. */
import { assertNever } from '../../../shared/assert.ts';
import type { Presence } from '../../../shared/presence.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Engine, EngineStatus } from '../../ports/engine.ts';
import type { Log } from '../../ports/log.ts';

type Unsubscribe = () => void;

const PRESENCE_MESSAGES: Readonly<Record<Presence['decision'], string>> = {
  run: 'Work permitted',
  throttle: 'Work throttled',
  pause: 'Work paused',
};

/** Logs each new reason with the time that the one before lasted. */
export function logPresence(
  log: Log,
  presence: {
    current(): Presence;
    onChange(listener: (presence: Presence) => void): Unsubscribe;
  },
  clock: Clock,
): Unsubscribe {
  let before = presence.current();
  let sinceMs = clock.monotonic();
  log.info(PRESENCE_MESSAGES[before.decision], { reason: before.reason });
  return presence.onChange((now) => {
    if (now.decision === before.decision && now.reason === before.reason) return;
    const nowMs = clock.monotonic();
    log.info(PRESENCE_MESSAGES[now.decision], {
      reason: now.reason,
      ...(now.untilMs !== null && { endsInMs: Math.round(now.untilMs - clock.now()) }),
      before: before.reason,
      lastedMs: Math.round(nowMs - sinceMs),
    });
    before = now;
    sinceMs = nowMs;
  });
}

/**
 * Logs each new state of the engine; changes within one state (such as the number of jobs) are left out. An end that
 * nobody requested is a warning. Ctrl-C in a terminal ends the engine, too, before the agent stops it.
 */
export function logEngine(
  log: Log,
  engine: Pick<Engine, 'onStatus'>,
  isStopping: () => boolean = () => false,
): Unsubscribe {
  let before = '';
  return engine.onStatus((status) => {
    const identity = identityOf(status);
    if (identity === before) return;
    before = identity;
    if (status.state !== 'restarting' && status.state !== 'gave-up') log.info(...engineLine(status));
    else if (isStopping()) log.info('The engine ended during the stop', { cause: status.cause });
    else log.warn(...engineLine(status));
  });
}

function identityOf(status: EngineStatus): string {
  if (status.state === 'ready') return `ready ${status.pid} ${status.loaded.model.id}`;
  if (status.state === 'restarting') return `restarting ${status.attempt}`;
  return status.state === 'loading' ? `loading ${status.modelId}` : status.state;
}

function engineLine(status: EngineStatus): [string, Record<string, unknown>] {
  switch (status.state) {
    case 'loading':
      return ['Loading the model', { model: status.modelId }];
    case 'ready': {
      const { model, backend, threads, contextTokens, sequences, loadMs, sandbox } = status.loaded;
      const fields = { model: model.id, backend, threads, contextTokens, sequences };
      return ['Model loaded', { ...fields, loadMs: Math.round(loadMs), pid: status.pid, sandbox }];
    }
    case 'restarting': {
      const { attempt, inMs, cause } = status;
      return ['The engine stopped unexpectedly and will restart', { attempt, inMs, cause }];
    }
    case 'gave-up': {
      const { attempts, cause } = status;
      return ['The engine stopped too often and will not restart', { attempts, cause }];
    }
    case 'stopped':
      return ['Engine stopped', {}];
    default:
      return assertNever(status);
  }
}

/** Logs the start and the end of a benchmark or a calibration; `name` begins the line. */
export function logMeasurement(
  log: Log,
  name: string,
  measurement: {
    state(): { readonly state: 'never' | 'running' | 'done' | 'failed'; readonly error: string | null };
    /** True if the last run was stopped instead of failing. */
    wasStopped(): boolean;
    onChange(listener: () => void): Unsubscribe;
  },
  clock: Clock,
): Unsubscribe {
  let startedMs: number | null = null;
  return measurement.onChange(() => {
    const { state, error } = measurement.state();
    if (state === 'running') {
      if (startedMs === null) log.info(`${name} started`);
      startedMs ??= clock.monotonic();
    } else if (startedMs !== null) {
      const tookMs = Math.round(clock.monotonic() - startedMs);
      startedMs = null;
      if (error === null) log.info(`${name} finished`, { tookMs });
      else if (measurement.wasStopped()) log.info(`${name} stopped`, { tookMs, cause: error });
      else log.warn(`${name} failed`, { tookMs, cause: error });
    }
  });
}
