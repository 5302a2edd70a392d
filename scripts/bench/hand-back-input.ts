/** Measures the hand-back after real input: on a virtual display whose events the agent in this process receives. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Agent } from '../../main/agent.ts';
import { type AgentApi, waitForState } from '../lib/agent-process.ts';
import { openVirtualDisplay, type VirtualDisplay } from '../lib/virtual-display.ts';
import { openVirtualHand } from '../lib/virtual-input.ts';
import { allStreams, quantile, serve } from './hand-back-scene.ts';
import { monotonicMs, watchGone } from './process-watch.ts';
import { type BenchResult, progress } from './result.ts';
import type { Ask } from './streams.ts';

const INPUTS = 6;
/** A minute without input, plus loading the model. */
const READY_MS_MAX = 180_000;
/** Falls within the responses, and at another point of the second than the sensor polls. */
const INPUT_AFTER_MS = 630;

/** Opens a virtual display and makes it this process's display; null without Xvfb. */
export async function openInputDisplay(): Promise<VirtualDisplay | null> {
  const display = await openVirtualDisplay({ width: 640, height: 480 }).catch(() => null);
  if (display === null) return null;
  for (const name of ['WAYLAND_DISPLAY', 'XDG_SESSION_TYPE']) delete process.env[name];
  process.env.DISPLAY = display.env.DISPLAY;
  return display;
}

/** Measures each input; afterwards the agent's setting is `always` again, as before. */
export async function measureInput(
  agent: Agent,
  api: AgentApi,
  ask: Ask,
  display: VirtualDisplay | null,
): Promise<BenchResult> {
  if (display === null) {
    return { figures: {}, goals: {}, notes: ['without a virtual display, real input was not measured'] };
  }
  progress(`${INPUTS} key presses, each after a minute without input.`);
  const input = openVirtualHand(display.env);
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
    for (let round = 0; round < INPUTS; round++) {
      await waitForState(api, ({ work }) => work.engine === 'ready' && work.presence.decision === 'run', {
        timeoutMs: READY_MS_MAX,
      });
      const streams = serve(ask, round);
      const pid = await allStreams(agent);
      const gone = watchGone(pid);
      await sleep(INPUT_AFTER_MS);
      const startMs = monotonicMs();
      const pressedMs = await input.press('a');
      const { work } = await waitForState(api, (state) => state.work.presence.reason === 'owner-active', {
        timeoutMs: READY_MS_MAX,
      });
      decidedMs.push(work.presence.sinceMs - pressedMs);
      freedMs.push((await gone) - startMs);
      await streams;
      progress(`Key press ${round + 1}: decided after ${decidedMs.at(-1)?.toFixed(1)} ms.`);
    }
  } finally {
    await input.close();
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
    notes: [`${INPUTS} real key presses on a virtual X11 display, detected by the agent’s own sensor`],
  };
}
