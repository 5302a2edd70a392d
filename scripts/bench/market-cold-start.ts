/**
 * A newcomer's first offer in a market of many agents: real agents in network namespaces, each with a public address of its
 * own, selling the tiny model. Newcomers know the address of one public node alone. The chain is out of reach, and nothing
 * is bought.
 */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { median } from '../../shared/statistics.ts';
import { type Host, type Lab, openLab } from '../../test/lab/lab.ts';
import { inStreams } from './in-streams.ts';
import type { FromCrowd, Member } from './market-crowd.ts';
import type { NewcomerReport } from './market-newcomer.ts';
import { atMost, type BenchResult, progress } from './result.ts';

/** A busy machine ends with fewer after {@link STARTED_MS_MAX}. */
const AGENTS_MAX = 50;
const STARTED_MS_MAX = 180_000;
const NEWCOMERS = 9;
/** Agents that start at the same time: more would compete for the processor longer than they wait. */
const STARTS = 4;
const START_MS_MAX = 60_000;
const PORT = '/tcp/4001';
const MS_GOAL = 3_000;

export async function run(): Promise<BenchResult> {
  if (process.platform !== 'linux') {
    return { figures: {}, goals: {}, notes: ['cold start: only on Linux, in network namespaces'] };
  }
  const lab = await openLab();
  try {
    return await measure(lab);
  } finally {
    await lab.close();
  }
}

async function measure(lab: Lab): Promise<BenchResult> {
  progress(`Starting ${AGENTS_MAX} agents.`);
  const crowd = await startCrowd(lab);
  progress(`${crowd.agents} agents have started.`);
  try {
    return report(crowd.agents, await measureNewcomers(lab, ['--bootstrap', crowd.bootstrap]));
  } finally {
    await crowd.stop();
  }
}

async function measureNewcomers(lab: Lab, options: readonly string[]): Promise<readonly NewcomerReport[]> {
  // The first one only waits until the crowd has announced what it sells.
  await newcomer(lab, AGENTS_MAX, options);
  const reports: NewcomerReport[] = [];
  for (let index = 0; index < NEWCOMERS; index += 1) {
    const measured = await newcomer(lab, AGENTS_MAX + 1 + index, options);
    reports.push(measured);
    const [readyMs, firstOfferMs] = [Math.round(measured.readyMs), Math.round(measured.firstOfferMs)];
    progress(`newcomer ${index + 1}: ready after ${readyMs} ms, first offer after ${firstOfferMs} ms`);
  }
  return reports;
}

function report(agents: number, reports: readonly NewcomerReport[]): BenchResult {
  const afterReady = reports.map(({ readyMs, firstOfferMs }) => firstOfferMs - readyMs);
  const firstOfferP50Ms = median(reports.map(({ firstOfferMs }) => firstOfferMs)) ?? Number.NaN;
  return {
    figures: {
      agents,
      firstOfferP50Ms,
      firstOfferMaxMs: Math.max(...reports.map(({ firstOfferMs }) => firstOfferMs)),
      firstOfferAfterReadyP50Ms: median(afterReady) ?? Number.NaN,
    },
    goals: { firstOfferP50Ms: atMost(firstOfferP50Ms, MS_GOAL) },
    notes: [
      `cold start: ${NEWCOMERS} newcomers, one after the other, from the start of the process; the other agents compute nothing`,
    ],
  };
}

async function addHost(lab: Lab, index: number): Promise<{ host: Host; address: string }> {
  const host: Host = `more${index}`;
  // Another subnet for each: the number of peers per subnet is limited.
  const address = `45.1.${index}.10`;
  await lab.run('add', host, address);
  return { host, address };
}

interface Crowd {
  readonly bootstrap: string;
  readonly agents: number;
  stop(): Promise<void>;
}

async function startCrowd(lab: Lab): Promise<Crowd> {
  const program = lab.start('pub', join(import.meta.dirname, 'market-crowd.ts'), []);
  const [bootstrap = ''] = await started(program, {
    host: 'boot',
    options: ['--role', 'bootstrap', ...at('45.0.0.10')],
  });
  const endMs = performance.now() + STARTED_MS_MAX;
  let agents = 0;
  await inStreams([...Array(AGENTS_MAX).keys()], STARTS, async (index) => {
    if (performance.now() > endMs) return;
    const { host, address } = await addHost(lab, index);
    await started(program, { host, options: ['--bootstrap', bootstrap, ...at(address)] });
    agents += 1;
  });
  return {
    ...{ bootstrap, agents },
    async stop() {
      program.disconnect();
      await once(program, 'exit');
    },
  };
}

function at(address: string): readonly string[] {
  return ['--listen', `/ip4/0.0.0.0${PORT}`, '--announce', `/ip4/${address}${PORT}`];
}

/** Has the crowd start an agent; resolves to its addresses. */
function started(program: ChildProcess, member: Member): Promise<readonly string[]> {
  return new Promise((resolve, reject) => {
    const done = (settle: () => void) => {
      clearTimeout(late);
      program.off('message', heard);
      program.off('exit', ended);
      settle();
    };
    const heard = ({ started: host, addresses }: FromCrowd) => {
      if (host === member.host) done(() => resolve(addresses));
    };
    const ended = () => done(() => reject(new Error('The crowd has ended.')));
    const late = setTimeout(
      () => done(() => reject(new Error(`${member.host} did not start.`))),
      START_MS_MAX,
    );
    program.on('message', heard);
    program.once('exit', ended);
    program.send(member);
  });
}

async function newcomer(lab: Lab, index: number, options: readonly string[]): Promise<NewcomerReport> {
  const { host } = await addHost(lab, index);
  const program = lab.start(host, join(import.meta.dirname, 'market-newcomer.ts'), options);
  const report = new Promise<NewcomerReport>((resolve) => program.once('message', resolve));
  const ended = once(program, 'exit').then(() => {
    throw new Error('A newcomer ended before it found an offer.');
  });
  const found = await Promise.race([report, ended]);
  await ended.catch(() => undefined);
  return found;
}
