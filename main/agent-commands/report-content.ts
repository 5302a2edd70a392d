/** The content of a report: what helps to find a fault on another machine, without secrets and personal paths. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { arch, cpus, homedir, release, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { AgentState } from '../../shared/api/state.ts';
import { AppError } from '../../shared/errors.ts';
import type { ZipMember } from '../adapters/fflate/index.ts';
import { readLog, redactFields } from '../adapters/pino/index.ts';
import { openForReading, readSchemaVersion } from '../adapters/sqlite/index.ts';
import { type HomePaths, homePaths } from '../core/home/index.ts';
import { readChosenSettings } from '../core/settings/index.ts';
import { readState, withRunningAgent } from './running-agent.ts';

/** Of each log; the newest lines stay. */
const LOG_CHARACTERS_MAX = 2_000_000;
const AGENT_MS_MAX = 5_000;
const PACKAGE_FILE = fileURLToPath(new URL('../../package.json', import.meta.url));

const INTRODUCTION = `This is a report about one installation of Idlewatt.

It contains versions, settings, the state of sensors and sandbox, and recent log lines.
Keys, passphrases, tokens, prompts and answers are left out of the log when it is written.
Read it before you send it to anyone: it shows when this machine was in use, and which peers and
addresses it dealt with.
`;

/** Collects every member; a part that can't be read has the reason instead. */
export async function collectReport(paths: HomePaths, now: number): Promise<readonly ZipMember[]> {
  const requester = homePaths(paths.requester);
  const agent = await askAgent(paths);
  const members: ZipMember[] = [
    { name: 'README.txt', text: INTRODUCTION },
    json('versions.json', { reportedAt: new Date(now).toISOString(), ...versions() }),
    json('settings.json', {
      chosen: attempt(() => chosenSettings(paths)),
      effective: agent.state?.settings ?? null,
    }),
    json(
      'database.json',
      attempt(() => databaseOf(paths)),
    ),
    json('agent.json', agentOf(agent)),
    { name: 'log.jsonl', text: recentLog(paths.logs) },
  ];
  if (existsSync(requester.logs)) {
    members.push({ name: 'requester-log.jsonl', text: recentLog(requester.logs) });
  }
  return members.map(({ name, text }) => ({ name, text: withoutPersonalPaths(text, paths) }));
}

function json(name: string, value: unknown): ZipMember {
  return { name, text: `${JSON.stringify(value, null, 2)}\n` };
}

function attempt(read: () => unknown): unknown {
  try {
    return read();
  } catch (error) {
    return { unavailable: error instanceof Error ? error.message : String(error) };
  }
}

function versions() {
  const { version, dependencies } = JSON.parse(readFileSync(PACKAGE_FILE, 'utf8')) as {
    version: string;
    dependencies: Record<string, string>;
  };
  return {
    idlewatt: version,
    node: process.version,
    electron: process.versions.electron ?? null,
    sqlite: process.versions.sqlite ?? null,
    platform: process.platform,
    release: release(),
    arch: arch(),
    cpu: cpus()[0]?.model ?? null,
    threads: cpus().length,
    memoryBytes: totalmem(),
    libraries: dependencies,
  };
}

/** The settings that the owner changed; no setting is a secret. The rest depends on the agent's profile and host. */
function chosenSettings(paths: HomePaths): unknown {
  const database = openForReading(paths.database);
  try {
    return readChosenSettings(database.records);
  } finally {
    database.close();
  }
}

function databaseOf(paths: HomePaths): unknown {
  if (!existsSync(paths.database)) return { unavailable: 'There is no database yet.' };
  return { bytes: statSync(paths.database).size, migrations: readSchemaVersion(paths.database) };
}

/** The running agent's state, or the reason why there is none. */
type AskedAgent =
  | { readonly state: AgentState; readonly reason?: never }
  | { readonly state: null; readonly reason: string };

async function askAgent(paths: HomePaths): Promise<AskedAgent> {
  const late = new Promise<never>((_, reject) => {
    const error = new AppError('aborted', `The agent did not respond within ${AGENT_MS_MAX} ms.`);
    setTimeout(() => reject(error), AGENT_MS_MAX).unref();
  });
  try {
    return { state: await Promise.race([withRunningAgent(paths.root, readState), late]) };
  } catch (error) {
    return { state: null, reason: error instanceof Error ? error.message : String(error) };
  }
}

/** Sensors, sandbox and engine as the running agent reports them. */
function agentOf({ state, reason }: AskedAgent): unknown {
  if (state !== null) return { running: true, ...summary(state) };
  return { running: false, sensors: 'not running', sandbox: 'not running', reason };
}

function summary({ app, work, machine, models, money }: AgentState) {
  return {
    app: redactFields(app),
    presence: work.presence,
    engine: { state: work.engine, model: work.model, backend: work.backend, threads: work.threads },
    sandbox: work.sandbox,
    handBacks: work.handBacks,
    sensors: machine.readings,
    devices: machine.devices,
    benchmark: { state: machine.benchmark.state, unavailable: machine.benchmark.unavailable },
    models: models.models.map(({ id, state, fit, active, error }) => ({ id, state, fit, active, error })),
    network: { chain: money.asset.id, waitingReason: money.waitingReason },
  };
}

/** The newest lines, redacted once more: an older version may have written them. */
function recentLog(folder: string): string {
  const kept: string[] = [];
  let characters = 0;
  for (const { process, text } of readLog(folder)) {
    const fields = redactFields(JSON.parse(text) as Record<string, unknown>);
    const line = JSON.stringify({ process, ...fields });
    kept.push(line);
    characters += line.length + 1;
    while (characters > LOG_CHARACTERS_MAX) characters -= (kept.shift()?.length ?? 0) + 1;
  }
  return kept.length === 0 ? '' : `${kept.join('\n')}\n`;
}

/** Shortens paths, because they contain the name of the owner's account. */
function withoutPersonalPaths(text: string, paths: HomePaths): string {
  return hide(hide(text, paths.root, '<data folder>'), homedir(), '~');
}

function hide(text: string, path: string, replacement: string): string {
  if (path.length < 2) return text;
  // As plain text, and with doubled backslashes, as in JSON.
  return text.replaceAll(JSON.stringify(path).slice(1, -1), replacement).replaceAll(path, replacement);
}
