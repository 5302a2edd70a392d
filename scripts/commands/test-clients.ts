/**
 * `npm run test:clients`: installs real clients of OpenAI's and Anthropic's APIs from their registries into a temporary
 * folder, runs each against a gateway on this machine, and prints a row per client. Exit code 0 only if everything that
 * a client tries works.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { BATCH_CLIENTS } from '../../test/clients/batch-clients.ts';
import {
  ABILITIES,
  type Ability,
  CLIENTS,
  type ClientCase,
  PROVIDER_ABILITIES,
  PROVIDER_CLIENTS,
} from '../../test/clients/clients.ts';
import { HORDE_CLIENT, openHordeExchanges } from '../../test/clients/horde-bodies.ts';
import { HOTKEY_CLIENTS, openHotkeyMarket } from '../../test/clients/hotkey-access.ts';
import { openClientMarket } from '../../test/clients/market.ts';
import { openProviderMarket } from '../../test/clients/provider-market.ts';
import { meetInGo, PUBLIC_DHT } from '../../test/clients/public-dht.ts';
import { openStorefrontClients, STOREFRONT_CLIENTS } from '../../test/clients/storefront-clients.ts';
import {
  API_DOCUMENT,
  apiDocument,
  CLIENT_RESULTS,
  type ClientResult,
  storedResults,
} from '../lib/api-document.ts';
import { REPOSITORY } from '../lib/places.ts';

const HELP = `Usage: npm run test:clients -- [--folder DIR] [--only WORD] [--write]

Runs real clients against a gateway, others against a provider and a storefront, validates what is sent to an AI
Horde, lets Bittensor's packages sign requests, and lets two machines meet in a public DHT of nodes in Go. What is in
Go needs its toolchain.

  --folder DIR  install into this folder and keep it (default: a temporary one)
  --only WORD   only the client of this name, or those whose name contains the word
  --write       store the results and write the table in docs/api.md`;
const CLIENT_MS_MAX = 180_000;

const { values } = parseArgs({
  options: {
    folder: { type: 'string' },
    only: { type: 'string', default: '' },
    write: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(HELP);
} else {
  process.exitCode = await main();
}

async function main(): Promise<number> {
  const folder = values.folder ?? mkdtempSync(join(tmpdir(), 'idlewatt-clients-'));
  const word = values.only.toLowerCase();
  const all = [
    ...[...CLIENTS, ...PROVIDER_CLIENTS, ...STOREFRONT_CLIENTS, ...BATCH_CLIENTS],
    ...[HORDE_CLIENT, ...HOTKEY_CLIENTS, PUBLIC_DHT],
  ];
  const isName = all.some(({ name }) => name.toLowerCase() === word);
  const isChosen = ({ name }: ClientCase) =>
    isName ? name.toLowerCase() === word : name.toLowerCase().includes(word);
  const buyers = CLIENTS.filter(isChosen);
  const payers = PROVIDER_CLIENTS.filter(isChosen);
  const shopping = STOREFRONT_CLIENTS.filter(isChosen).filter(hasPython);
  const batching = BATCH_CLIENTS.filter(isChosen);
  const hordes = [HORDE_CLIENT].filter(isChosen);
  const signing = HOTKEY_CLIENTS.filter(isChosen);
  const meeting = [PUBLIC_DHT].filter(isChosen);
  try {
    const others = [...batching, ...hordes, ...signing, ...meeting];
    await install(folder, [...buyers, ...payers, ...shopping, ...others]);
    const results = [
      ...(await runClients(folder, buyers, ABILITIES, openClientMarket)),
      ...(await runClients(folder, payers, PROVIDER_ABILITIES, openProviderMarket)),
    ];
    const unlisted = [
      ...(await runClients(folder, shopping, [], openStorefrontClients)),
      ...(await runClients(folder, batching, [], openClientMarket)),
      ...(await runClients(folder, hordes, [], openHordeExchanges)),
      ...(await runClients(folder, signing, [], openHotkeyMarket)),
    ];
    for (const client of meeting) {
      const [program] = programOf(folder, client);
      unlisted.push(shown({ name: client.name, abilities: await meetInGo(program) }));
    }
    if (values.write) {
      const others = storedResults().filter(({ name }) => !results.some((result) => result.name === name));
      const rows = [...others, ...results].sort((a, b) => a.name.localeCompare(b.name));
      writeFileSync(CLIENT_RESULTS, `${JSON.stringify(rows, null, 2)}\n`);
      writeFileSync(API_DOCUMENT, apiDocument(rows));
    }
    const failures = [...results, ...unlisted]
      .flatMap(({ abilities }) => Object.values(abilities))
      .filter((result) => result !== 'ok');
    return failures.length === 0 ? 0 : 1;
  } finally {
    if (values.folder === undefined) rmSync(folder, { recursive: true, force: true });
  }
}

/** A place to buy at, and what its clients read from their environment. */
interface Market {
  readonly env: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

async function runClients(
  folder: string,
  clients: readonly ClientCase[],
  abilities: readonly Ability[],
  open: () => Promise<Market>,
): Promise<ClientResult[]> {
  if (clients.length === 0) return [];
  const market = await open();
  const results: ClientResult[] = [];
  try {
    for (const client of clients) results.push(await runClient(folder, client, abilities, market.env));
  } finally {
    await market.close();
  }
  return results;
}

async function install(folder: string, clients: readonly ClientCase[]): Promise<void> {
  const of = (language: ClientCase['language']) => clients.filter((client) => client.language === language);
  const packages = (language: ClientCase['language']) => [
    ...new Set(of(language).flatMap((client) => client.packages)),
  ];
  await installOnce(join(folder, 'node'), packages('node'), (names, place) => {
    writeFileSync(join(place, 'package.json'), '{"private":true,"type":"module"}\n');
    return run('npm', ['install', '--no-audit', '--no-fund', ...names], { cwd: place });
  });
  for (const client of of('python')) {
    await installOnce(pythonFolder(folder, client), client.packages, async (names, place) => {
      await run(`python${client.python ?? '3'}`, ['-m', 'venv', place], {});
      await run(join(place, 'bin', 'pip'), ['install', '--quiet', ...names], {});
    });
  }
  for (const client of of('go')) {
    await installOnce(
      join(folder, `go-${client.script}`),
      client.packages,
      (names, place) => buildGo(client, place, names),
      sourceOf(client),
    );
  }
}

/** False, with a line, where the version of Python that a client needs isn't installed. */
function hasPython({ name, python }: ClientCase): boolean {
  if (python === undefined || spawnSync(`python${python}`, ['--version']).status === 0) return true;
  console.log(`${name}\n  left out: it needs Python ${python}`);
  return false;
}

/** Of its own for each set of packages: together, they would hold each other back in old versions. */
function pythonFolder(folder: string, { packages }: ClientCase): string {
  return join(folder, `python-${(packages[0] ?? '').replace(/\W+/g, '-')}`);
}

/** Installs unless a former run has installed the same. */
async function installOnce(
  place: string,
  names: readonly string[],
  how: (names: readonly string[], place: string) => Promise<unknown>,
  /** Of what is built. */
  source = '',
): Promise<void> {
  const list = join(place, 'installed.json');
  const wanted = JSON.stringify(names) + createHash('sha256').update(source).digest('hex');
  if (names.length === 0 || (existsSync(list) && readFileSync(list, 'utf8') === wanted)) return;
  mkdirSync(place, { recursive: true });
  await how(names, place);
  writeFileSync(list, wanted);
}

function sourceOf({ language, script }: ClientCase): string {
  const folder = join(REPOSITORY, 'test', 'clients', language, script);
  return readdirSync(folder)
    .map((name) => readFileSync(join(folder, name), 'utf8'))
    .join('');
}

/** Needs the Go toolchain. */
async function buildGo({ script }: ClientCase, folder: string, modules: readonly string[]): Promise<void> {
  cpSync(join(REPOSITORY, 'test', 'clients', 'go', script), folder, { recursive: true });
  writeFileSync(join(folder, 'go.mod'), 'module client\n');
  await run('go', ['get', ...modules], { cwd: folder });
  await run('go', ['mod', 'tidy'], { cwd: folder });
  await run('go', ['build', '-o', 'client', '.'], { cwd: folder });
}

async function runClient(
  folder: string,
  client: ClientCase,
  wanted: readonly Ability[],
  market: Market['env'],
): Promise<ClientResult> {
  const env = { ...process.env, ...market };
  const [program, parameters] = programOf(folder, client);
  const output = await run(program, parameters, { env, mayFail: true });
  const abilities: Partial<Record<Ability, string>> = {};
  for (const line of output.split('\n').filter((each) => each.startsWith('{"ability"'))) {
    const { ability, result } = JSON.parse(line) as { ability: Ability; result: string };
    abilities[ability] = result;
  }
  for (const ability of wanted) {
    if (client.without[ability] === undefined) abilities[ability] ??= 'nothing was reported';
  }
  shown({ name: client.name, abilities });
  if (
    Object.values(abilities).length === 0 ||
    Object.values(abilities).every((result) => result === 'nothing was reported')
  )
    console.log(output.slice(-800));
  return { name: client.name, abilities };
}

function shown(result: ClientResult): ClientResult {
  console.log(result.name);
  for (const [ability, outcome] of Object.entries(result.abilities)) {
    console.log(`  ${ability.padEnd(24)}${outcome}`);
  }
  return result;
}

function programOf(folder: string, client: ClientCase): [string, string[]] {
  const { language, script } = client;
  const scripts = join(REPOSITORY, 'test', 'clients', language);
  switch (language) {
    case 'node':
      return [process.execPath, [copiedScript(folder, scripts, script)]];
    case 'python':
      return [join(pythonFolder(folder, client), 'bin', 'python'), [join(scripts, script)]];
    case 'go':
      return [join(folder, `go-${script}`, 'client'), []];
  }
}

/** Node finds packages from where a script lies. */
function copiedScript(folder: string, scripts: string, script: string): string {
  for (const name of ['common.mjs', script]) copyFileSync(join(scripts, name), join(folder, 'node', name));
  return join(folder, 'node', script);
}

interface RunOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly mayFail?: boolean;
}

/** Resolves to the output of a program. */
function run(program: string, parameters: readonly string[], options: RunOptions): Promise<string> {
  const { mayFail = false, ...spawning } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...parameters], { ...spawning, stdio: ['ignore', 'pipe', 'pipe'] });
    const timer = setTimeout(() => child.kill('SIGKILL'), mayFail ? CLIENT_MS_MAX : CLIENT_MS_MAX * 5);
    let output = '';
    const collect = (chunk: Buffer) => {
      output += chunk.toString();
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.on('error', reject);
    child.on('close', (code) => {
      clearTimeout(timer);
      if (code === 0 || mayFail) resolve(output);
      else reject(new Error(`${program} ended with code ${code}: ${output.slice(-2_000)}`));
    });
  });
}
