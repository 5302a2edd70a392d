/**
 * The last five minutes of what the machine did, sampled once per second from the state. It lives outside of the
 * pages, so that opening a page doesn't empty its charts.
 */
import { useState, useSyncExternalStore } from 'react';
import type { AgentState } from '../shared/api/state.ts';
import { statusOf } from '../shared/status.ts';
import { type ConnectionView, currentView, subscribe } from './store.ts';

export interface Sample {
  /** 0 while no job is running; null while the page has no agent. */
  readonly tokensPerSecond: number | null;
  readonly watts: number | null;
  readonly celsius: number | null;
  readonly cpuPercent: number | null;
  readonly usedMemoryBytes: number | null;
  readonly jobs: number | null;
  /** True while the owner's use of the machine keeps Idlewatt waiting. */
  readonly isOwners: boolean;
}

export const SAMPLE_EVERY_MS = 1_000;
const SAMPLES_MAX = 300;
/** Without a job only the machine's readings change, which are drawn when they arrive; so many samples if none do. */
const IDLE_SAMPLES_PER_DRAWING = 15;

const NOTHING: Sample = {
  tokensPerSecond: null,
  watts: null,
  celsius: null,
  cpuPercent: null,
  usedMemoryBytes: null,
  jobs: null,
  isOwners: false,
};

let samples: readonly Sample[] = [];
const listeners = new Set<() => void>();

/** Samples for as long as the page lives; redraws only while it is visible, and less often while nothing happens. */
export function keepSampling(): void {
  let undrawn = 0;
  let drawn = currentView().state?.machine;
  const draw = () => {
    undrawn = 0;
    for (const listener of listeners) listener();
  };
  // Together with the readings, so that the page is rendered once for both.
  subscribe(() => {
    const machine = currentView().state?.machine;
    if (machine === drawn) return;
    drawn = machine;
    if (document.visibilityState === 'visible' && !samples.at(-1)?.jobs) draw();
  });
  setInterval(() => {
    const sample = sampleOf(currentView());
    const before = samples.at(-1) ?? NOTHING;
    samples = [...samples, sample].slice(-SAMPLES_MAX);
    undrawn += 1;
    if (document.visibilityState === 'visible' && isWorthDrawing(sample, before, undrawn)) draw();
  }, SAMPLE_EVERY_MS);
}

/** `undrawn` counts the samples since the last drawing, with this one. */
export function isWorthDrawing(sample: Sample, before: Sample, undrawn: number): boolean {
  const isChanged = sample.jobs !== before.jobs || sample.isOwners !== before.isOwners;
  return Boolean(sample.jobs) || isChanged || undrawn >= IDLE_SAMPLES_PER_DRAWING;
}

/** Reads one sample from the state. */
export function sampleOf({ status, state }: ConnectionView): Sample {
  if (status !== 'live' || state === null) return NOTHING;
  const { work, machine } = state;
  return {
    tokensPerSecond: work.activeJobs.length > 0 ? work.tokensPerSecond : 0,
    watts: machine.readings.watts?.value ?? machine.watts,
    celsius: temperatureOf(machine),
    cpuPercent: machine.cpuLoadPercent,
    usedMemoryBytes: usedMemoryOf(machine),
    jobs: work.activeJobs.length,
    isOwners: statusOf(work).status === 'waiting',
  };
}

/** The GPU's temperature if it is read, otherwise the processor's. */
export function temperatureOf({ readings, temperatureCelsius }: AgentState['machine']): number | null {
  return readings.graphicsCelsius?.value ?? readings.processorCelsius?.value ?? temperatureCelsius;
}

export function usedMemoryOf({ memoryBytes, freeMemoryBytes }: AgentState['machine']): number | null {
  return memoryBytes === null || freeMemoryBytes === null ? null : memoryBytes - freeMemoryBytes;
}

function follow(drawn: () => void): () => void {
  listeners.add(drawn);
  return () => listeners.delete(drawn);
}

/** The samples, oldest first; as many as there are yet. */
export function useLately(): readonly Sample[] {
  return useSyncExternalStore(follow, () => samples);
}

/** The last values of one reading, for components that show nothing else: the same array until one of them changes. */
export function useLast<K extends keyof Sample>(name: K, count: number): readonly (Sample[K] | null)[] {
  const [last] = useState(() => ({ samples, values: lastOf(samples, name, count) }));
  return useSyncExternalStore(follow, () => {
    if (last.samples === samples) return last.values;
    last.samples = samples;
    const values = lastOf(samples, name, count);
    if (values.some((value, index) => value !== last.values[index])) last.values = values;
    return last.values;
  });
}

/** The last `count` values of one reading, padded with null at the start. */
export function lastOf<K extends keyof Sample>(
  samples: readonly Sample[],
  name: K,
  count: number,
): (Sample[K] | null)[] {
  const values = samples.slice(-count).map((sample) => sample[name]);
  return [...Array.from({ length: count - values.length }, () => null), ...values];
}
