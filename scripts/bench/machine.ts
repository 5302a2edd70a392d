/** `npm run bench -- machine`: measures what gpu.js reports without a window, and the cost of a live reading. */
import { createWorkerProbe } from '../../main/adapters/gpu/index.ts';
import { createMachineReader } from '../../main/adapters/systeminformation/index.ts';
import { type BenchResult, progress } from './result.ts';

const READINGS = 200;

const UNITS = { gflops: 'Gflops', 'gigabytes-per-second': 'GigabytesPerSecond', 'tokens-per-second': '' };

export async function run(): Promise<BenchResult> {
  progress('Measuring with gpu.js in a separate process (about 15 s).');
  const probe = await createWorkerProbe().run(new AbortController().signal);
  const figures: Record<string, number> = {};
  for (const { mode, name, value, unit } of probe.measurements) {
    const noun = name.endsWith('arithmetic') ? 'Arithmetic' : 'Bandwidth';
    figures[`${mode}${noun}${UNITS[unit]}`] = value;
  }
  figures.readingProcessorMs = await readingCostMs();
  return {
    figures,
    goals: {},
    notes: [
      ...probe.measurements.map(
        ({ mode, name, spreadPercent, runs }) =>
          `${mode} ${name}: spread ${spreadPercent?.toFixed(1) ?? 'unknown'} % over ${runs} runs`,
      ),
      ...probe.unavailable.map(({ mode, reason }) => `${mode}: ${reason}`),
    ],
  };
}

/** Returns the CPU time of one reading in milliseconds, after a first reading that initializes the sensors. */
async function readingCostMs(): Promise<number> {
  const reader = createMachineReader();
  await reader.readings();
  const before = process.cpuUsage();
  for (let reading = 0; reading < READINGS; reading++) await reader.readings();
  const spent = process.cpuUsage(before);
  return (spent.user + spent.system) / 1000 / READINGS;
}
