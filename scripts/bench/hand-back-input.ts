/** How soon the owner's own hand is felt: real input on a virtual display that the agent in this process listens to. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Agent } from '../../main/agent.ts';
import { type AgentApi, waitForState } from '../lib/agent-process.ts';
import { openVirtualDisplay, type VirtualDisplay } from '../lib/virtual-display.ts';
import { openVirtualHand } from '../lib/virtual-input.ts';
import { allStreams, quantile, serve } from './hand-back-scene.ts';
import { monotonicMs, watchGone } from './process-watch.ts';
import { type BenchResult, progress } from './result.ts';
import type { Ask } from './streams.ts';

const TOUCHES = 6;
/** A minute without input, and the load of the model. */
const READY_MS_MAX = 180_000;
/** Into the answers, and never in step with the second in which sensors are asked. */
const TOUCH_AFTER_MS = 630;

/** Becomes this process's display; null where there is no Xvfb. */
export async function openOwnersDisplay(): Promise<VirtualDisplay | null> {
  const display = await openVirtualDisplay({ width: 640, height: 480 }).catch(() => null);
  if (display === null) return null;
  for (const name of ['WAYLAND_DISPLAY', 'XDG_SESSION_TYPE']) delete process.env[name];
  process.env.DISPLAY = display.env.DISPLAY;
  return display;
}

/** Leaves the agent to run always, as it was. */
export async function measureTouches(
  agent: Agent,
  api: AgentApi,
  ask: Ask,
  display: VirtualDisplay | null,
): Promise<BenchResult> {
  if (display === null) {
    return { figures: {}, goals: {}, notes: ['no virtual display: the owner’s own hand was not measured'] };
  }
  progress(`${TOUCHES} touches of a key, each after a minute without.`);
  const hand = openVirtualHand(display.env);
  const decidedMs: number[] = [];
  const freedMs: number[] = [];
  await api.settings.change({
    runWhen: 'idle',
    idleMinutes: 1,
    runOnBattery: true,
    pauseForOtherPrograms: false,
  });
  await api.presence.resume({});
  try {
    for (let touch = 0; touch < TOUCHES; touch++) {
      await waitForState(api, ({ work }) => work.engine === 'ready' && work.presence.decision === 'run', {
        timeoutMs: READY_MS_MAX,
      });
      const streams = serve(ask, touch);
      const pid = await allStreams(agent);
      const gone = watchGone(pid);
      await sleep(TOUCH_AFTER_MS);
      const startMs = monotonicMs();
      const touchedMs = await hand.press('a');
      const { work } = await waitForState(api, (state) => state.work.presence.reason === 'owner-active', {
        timeoutMs: READY_MS_MAX,
      });
      decidedMs.push(work.presence.sinceMs - touchedMs);
      freedMs.push((await gone) - startMs);
      await streams;
      progress(`Touch ${touch + 1}: decided after ${decidedMs.at(-1)?.toFixed(1)} ms.`);
    }
  } finally {
    await hand.close();
    await api.settings.change({ runWhen: 'always' });
  }
  return {
    figures: {
      touchDecidedP50Ms: quantile(decidedMs, 0.5),
      touchDecidedMaxMs: Math.max(...decidedMs),
      touchFreedP50Ms: quantile(freedMs, 0.5),
      touchFreedMaxMs: Math.max(...freedMs),
    },
    goals: {},
    notes: [`${TOUCHES} touches of a real key on a virtual X11 display, seen by the agent’s own sensor`],
  };
}
