/**
 * Verifies: every option of the table survives the way from `npm start` over the shell to the agent, wrong command
 * lines are refused in one sentence with advice, and the table has every variable of the environment.
 * Setup: generated command lines (fast-check), the real entry of `npm start`, every source file.
 * Fails if: the shell drops an agent option, an empty value is accepted, a misspelled option starts something, or a
 * variable is read that the table doesn't have.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { readLaunchOptions } from '../../../main/desktop/launch-options.ts';
import { REPOSITORY } from '../../../scripts/lib/places.ts';
import { helpText, readOptions, writeArguments } from '../../../shared/command-line.ts';
import { isAppError } from '../../../shared/errors.ts';
import {
  ENVIRONMENT,
  type GivenOption,
  OPTIONS,
  type OptionName,
  type OptionSpec,
} from '../../../shared/options.ts';
import { codeLines } from '../source-lines.ts';

const NAMES = Object.keys(OPTIONS) as OptionName[];
const specOf = (name: OptionName): OptionSpec => OPTIONS[name];
/** Options for one start only, and `--headless`, with which there is no shell. */
const NOT_PASSED_ON: readonly OptionName[] = ['headless', 'hidden', 'version', 'help'];
const AGENT_OPTIONS = NAMES.filter(
  (name) => !specOf(name).internal && specOf(name).readBy.includes('agent') && !NOT_PASSED_ON.includes(name),
);

function valueArbitrary(name: OptionName): fc.Arbitrary<string | null> {
  const spec = specOf(name);
  switch (spec.type) {
    case 'flag':
      return fc.constant(null);
    case 'port':
      return fc.integer({ min: 0, max: 65_535 }).map(String);
    case 'choice':
      return fc.constantFrom(...spec.choices);
    default:
      return fc.string({ unit: 'grapheme', minLength: 1 }).filter((value) => value.trim() !== '');
  }
}

const given: fc.Arbitrary<GivenOption[]> = fc.array(
  fc.constantFrom(...AGENT_OPTIONS).chain((name) => valueArbitrary(name).map((value) => ({ name, value }))),
);

/** Values that start with a hyphen need `=`; all others may be an argument of their own. */
function asTyped(options: readonly GivenOption[]): string[] {
  return options.flatMap(({ name, value }) =>
    value === null || value.startsWith('-') ? writeArguments([{ name, value }]) : [`--${name}`, value],
  );
}

function refusal(argv: readonly string[], reader: 'start' | 'shell' | 'agent'): string {
  try {
    readOptions(argv, reader);
  } catch (error) {
    assert.ok(isAppError(error, 'bad-request'));
    return error.message;
  }
  return assert.fail(`accepted: ${argv.join(' ')}`);
}

function npmStart(...argv: string[]) {
  return spawnSync(process.execPath, [join(REPOSITORY, 'scripts/commands/start.ts'), ...argv], {
    encoding: 'utf8',
  });
}

test('every agent option survives npm start and the shell', () => {
  fc.assert(
    fc.property(given, (options) => {
      const start = readOptions(asTyped(options), 'start');
      // As `npm start` starts Electron: with switches of Chromium and the folder of the app.
      const argv = ['--no-sandbox', '--inspect=0', '/app', ...writeArguments(start.given)];
      const shell = readLaunchOptions(argv, {}, '/');
      const agent = readOptions(['--host=desktop', ...shell.agentParameters], 'agent');
      assert.deepEqual(agent.values, { ...start.values, host: 'desktop' });
    }),
  );
});

test('the options that the property covers are all that the agent has for its users', () => {
  const all = NAMES.filter((name) => specOf(name).readBy.includes('agent') && !specOf(name).internal);
  assert.deepEqual([...AGENT_OPTIONS, 'headless', 'version', 'help'].sort(), all.sort());
});

test('a variable sets its option, the command line wins, and an empty variable counts as not set', () => {
  const environment = { IDLEWATT_HOME: '/from-environment', IDLEWATT_LOG_LEVEL: 'debug' };
  const { values } = readOptions([], 'shell', environment);
  assert.deepEqual([values.home, values['log-level']], ['/from-environment', 'debug']);
  assert.equal(readOptions(['--home', '/given'], 'shell', environment).values.home, '/given');
  assert.equal(readOptions([], 'agent', { IDLEWATT_HOME: '', IDLEWATT_LOG_LEVEL: '' }).values.home, null);
  assert.throws(() => readOptions([], 'agent', { IDLEWATT_LOG_LEVEL: 'loud' }), {
    message: 'Invalid IDLEWATT_LOG_LEVEL "loud". Use debug, info, warn, error or silent.',
  });
});

test('a wrong command line is refused with advice', () => {
  const refusals: readonly (readonly [readonly string[], string])[] = [
    [['--colour', 'red'], 'Unknown option --colour. Run with --help for a list.'],
    [['--hom', '/x'], 'Unknown option --hom. Did you mean --home?'],
    [['--home', ''], 'Empty value for --home. Use --home DIR.'],
    [['--home= '], 'Empty value for --home. Use --home DIR.'],
    [['--home'], 'Missing value for --home. Use --home DIR.'],
    [['--rpc', '--quiet-requester'], 'Missing value for --rpc. Use --rpc URL[,URL...].'],
    [['--port', '70000'], 'Invalid --port "70000". Use a port from 0 to 65535; 0 takes any free port.'],
    [
      ['--gateway-port=-1'],
      'Invalid --gateway-port "-1". Use a port from 0 to 65535; 0 takes any free port.',
    ],
    [['--profile', 'casino'], 'Invalid --profile "casino". Use practice, office or open.'],
    [['--quiet-requester=yes'], '--quiet-requester takes no value. Use --quiet-requester.'],
    [['open'], 'Unexpected argument "open". Options start with --; run with --help for a list.'],
  ];
  for (const [argv, message] of refusals) {
    assert.equal(refusal(argv, 'start'), message);
    assert.equal(refusal(argv, 'agent'), message);
  }
});

test('options between our own processes are refused from users', () => {
  assert.match(refusal(['--practice-requester'], 'start'), /Unknown option --practice-requester/);
});

test('the shell ignores switches of Chromium, and refuses misspelled options', () => {
  const chromium = [
    '--no-sandbox',
    '--password-store=basic',
    '--remote-debugging-port=0',
    '--lang=de',
    '/app',
  ];
  assert.deepEqual(readOptions(chromium, 'shell').given, []);
  assert.match(refusal(['--profil', 'open'], 'shell'), /Did you mean --profile\?/);
  assert.match(refusal(['--home', ''], 'shell'), /Empty value/);
});

test('help has every public option and variable, and nothing internal', () => {
  const help = helpText('npm start -- [options]', ['start', 'shell', 'agent']);
  for (const name of NAMES) assert.equal(help.includes(`--${name}`), !specOf(name).internal, name);
  for (const [name, { audience }] of Object.entries(ENVIRONMENT)) {
    assert.equal(help.includes(name), audience === 'public', name);
  }
});

test('npm start prints version and help, or one line about a wrong command line, and starts nothing', () => {
  const { version } = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8'));
  assert.deepEqual([npmStart('--version').stdout, npmStart('--version').status], [`${version}\n`, 0]);
  assert.match(npmStart('--help').stdout, /^Usage: npm start -- \[options\]\n[\s\S]*wallet drill/);
  const wrong = npmStart('--headless', '--hom', '/x');
  assert.deepEqual(
    [wrong.stderr, wrong.stdout, wrong.status],
    ['idlewatt: Unknown option --hom. Did you mean --home?\n', '', 2],
  );
});

test('the table has every variable of the environment that occurs in the source, and no other', () => {
  const found = codeLines()
    .filter(({ file }) => file !== 'shared/options.ts' && !file.startsWith('test/unit/options/'))
    .flatMap(({ text }) => text.match(/IDLEWATT_[A-Z_]+[A-Z]/g) ?? []);
  const bound = NAMES.flatMap((name) => specOf(name).env ?? []);
  assert.deepEqual([...new Set([...found, ...bound])].sort(), Object.keys(ENVIRONMENT).sort());
  for (const name of NAMES) {
    const { env } = specOf(name);
    if (env !== undefined) assert.equal(ENVIRONMENT[env]?.option, name);
  }
});
