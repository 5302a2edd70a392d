// Verifies: the network that the owner chose counts at the next start unless options set one; it has a data folder of its
//   own that shares models and logs, and takes over the settings about the machine but none about money.
// Setup: temporary data folders.
// Fails if: practice keys or settings about money reach another network, a refused choice is stored, or a damaged file
//   stops the start.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { AgentConfig } from '../../../main/agent/config.ts';
import { readInheritedSettings } from '../../../main/agent/inherited-settings.ts';
import { createNetworkSwitch } from '../../../main/agent/network-choice.ts';
import { checkPeerAddresses } from '../../../main/agent/peer-addresses.ts';
import { passphraseSource, readLaunchOptions } from '../../../main/desktop/launch-options.ts';
import { homePaths } from '../../../main/ports/data-folder.ts';
import { networkFolder, readNetworkChoice } from '../../../main/ports/network-choice.ts';
import { termsOfChoice } from '../../../shared/network-choice.ts';
import { DEFAULT_SETTINGS, type Settings } from '../../../shared/settings.ts';
import { createRecordingLog } from '../../fakes/log.ts';

const folder = mkdtempSync(join(tmpdir(), 'idlewatt-network-'));
after(() => rmSync(folder, { recursive: true }));
let homes = 0;
const newHome = () => {
  homes += 1;
  return mkdtempSync(join(folder, `home-${homes}-`));
};

function networkSwitch(
  home: string,
  config: Partial<AgentConfig> = {},
  settings: Settings = DEFAULT_SETTINGS,
) {
  let restarts = 0;
  const chooser = createNetworkSwitch({
    config: {
      ...{ home, profile: 'practice', host: 'desktop', role: 'owner', pagePort: 0, gatewayPort: 0 },
      ...{ passphraseFile: null, passphrase: null, rpcUrl: null, connect: [], quietRequester: true },
      ...{ logLevel: 'info', entry: '', chosenNetwork: 'practice' },
      ...config,
    },
    settings: () => settings,
    log: createRecordingLog(),
    restart: config.host === 'headless' ? null : () => (restarts += 1),
    onChange: () => undefined,
  });
  return { chooser, restarts: () => restarts };
}

test('a choice is stored for the next start, which follows immediately in the desktop', () => {
  const home = newHome();
  assert.equal(readNetworkChoice(home), 'practice');
  const { chooser, restarts } = networkSwitch(home);
  assert.deepEqual(chooser.choose('base'), { restarts: true });
  assert.equal(restarts(), 1);
  assert.equal(readNetworkChoice(home), 'base');
  assert.equal(networkFolder(home, []), 'base');
  assert.deepEqual([chooser.state().active, chooser.state().chosen], ['practice', 'base']);
  assert.deepEqual(networkSwitch(home).chooser.choose('practice'), { restarts: true });
  assert.equal(networkFolder(home, []), null);
});

test('options of the command line win, and a choice is then refused', () => {
  const home = newHome();
  networkSwitch(home).chooser.choose('base');
  const given = (...argv: string[]) => readLaunchOptions(argv, {}, '/');
  assert.equal(networkFolder(home, given('--profile', 'practice').given), null);
  for (const profile of ['practice', 'office']) {
    assert.equal(passphraseSource(given('--profile', profile), readNetworkChoice(home)), 'practice');
  }
  assert.equal(passphraseSource(given('--log-level', 'debug'), readNetworkChoice(home)), 'keychain');
  const { chooser, restarts } = networkSwitch(home, { chosenNetwork: null });
  assert.throws(() => chooser.choose('base-sepolia'), { code: 'unsupported' });
  assert.equal(chooser.state().isFixed, true);
  assert.equal(readNetworkChoice(home), 'base');
  assert.equal(restarts(), 0);
});

test('without a desktop, a public network needs a passphrase file, and nothing restarts', () => {
  const home = newHome();
  const { chooser } = networkSwitch(home, { host: 'headless' });
  assert.throws(() => chooser.choose('base'), /--passphrase-file/);
  assert.equal(readNetworkChoice(home), 'practice');
  const withFile = networkSwitch(home, { host: 'headless', passphraseFile: '/secret' });
  assert.deepEqual(withFile.chooser.choose('base'), { restarts: false });
  assert.equal(readNetworkChoice(home), 'base');
});

test('the network of the own machines needs no passphrase, has a folder of its own, and uses no chain', () => {
  const home = newHome();
  const { chooser } = networkSwitch(home, { host: 'headless' });
  assert.deepEqual(chooser.choose('office'), { restarts: false });
  assert.equal(networkFolder(home, []), 'office');
  assert.deepEqual(termsOfChoice('office'), { profile: 'office', network: null });
  assert.equal(passphraseSource(readLaunchOptions([], {}, '/'), 'office'), 'practice');
  assert.notEqual(homePaths(home, 'office').keys, homePaths(home).keys);
  const withNode = networkSwitch(newHome(), { rpcUrl: 'http://127.0.0.1:1' }).chooser;
  assert.throws(() => withNode.choose('office'), { code: 'unsupported' });
  const config = (patch: Partial<AgentConfig>) =>
    ({ profile: 'office', rpcUrl: null, connect: [], ...patch }) as AgentConfig;
  checkPeerAddresses(config({}), false);
  for (const patch of [{ rpcUrl: 'http://127.0.0.1:1' }, { facilitators: ['http://127.0.0.1:1'] }]) {
    assert.throws(() => checkPeerAddresses(config(patch), false), /"office" uses no chain/);
  }
});

test('each network has keys and a ledger of its own, and shares models and logs', () => {
  const practice = homePaths('/data');
  const base = homePaths('/data', 'base');
  const sepolia = homePaths('/data', 'base-sepolia');
  for (const part of ['root', 'database', 'keys', 'keystore', 'chain', 'requester'] as const) {
    assert.equal(new Set([practice[part], base[part], sepolia[part]]).size, 3, part);
  }
  assert.deepEqual([base.models, base.logs], [practice.models, practice.logs]);
});

test('a network takes over settings about the machine and none about money', () => {
  const home = newHome();
  const settings: Settings = {
    ...DEFAULT_SETTINGS,
    language: 'de',
    comfort: 2,
    serveUnconfined: true,
    priceInputPerMillion: '7',
    buyDayMax: '9',
  };
  networkSwitch(home, {}, settings).chooser.choose('base');
  const inherited = readInheritedSettings(homePaths(home, 'base').root);
  assert.deepEqual([inherited.language, inherited.comfort], ['de', 2]);
  for (const name of ['serveUnconfined', 'priceInputPerMillion', 'settleThreshold', 'buyDayMax'] as const) {
    assert.ok(!(name in inherited), name);
  }
  assert.ok(!existsSync(join(home, 'inherited-settings.json')));
});

test('a damaged file counts as practice', () => {
  const home = newHome();
  for (const damaged of ['', '{"network":"mainnet"}', '[]']) {
    writeFileSync(join(home, 'network.json'), damaged);
    assert.equal(readNetworkChoice(home), 'practice', damaged);
  }
});
