/**
 * Verifies: a payout address whose key isn't on the machine is bound to its peer by a signature that any wallet makes
 * elsewhere; that of a contract wallet counts if its contract accepts it on the chain.
 * Setup: the real commands on a data folder; viem as the owner's wallet, given nothing but the printed JSON; a contract on the
 * practice chain that accepts exactly one text (ERC-1271), and readers with and without a chain.
 * Fails if: a signature of another key, of another text or past its time counts; a contract counts without being asked; a
 * stranger's signatures cause queries without end; the running agent would have to be stopped.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { getAddress, JsonRpcProvider, TypedDataEncoder } from 'ethers';
import { privateKeyToAccount } from 'viem/accounts';
import { type PracticeChain, startPracticeChain } from '../../main/adapters/anvil/index.ts';
import {
  connectNode,
  createContractSignatures,
  createKeyTools,
  readAddress,
} from '../../main/adapters/ethers/index.ts';
import { createPeerKey, loadPeerKey } from '../../main/adapters/libp2p/index.ts';
import { openDatabase } from '../../main/adapters/sqlite/index.ts';
import { signedBindingFile } from '../../main/agent/signed-binding-file.ts';
import { homePaths } from '../../main/core/home/index.ts';
import { checkBinding, createBindings } from '../../main/core/identity/index.ts';
import { createSecrets } from '../../main/core/wallet/index.ts';
import { createClock, systemClock } from '../../main/ports/clock.ts';
import type { Hex } from '../../main/ports/evm.ts';
import { AGENT_PROGRAM } from '../../scripts/lib/places.ts';
import { AppError } from '../../shared/errors.ts';
import { manualClock } from '../fakes/clock.ts';
import { offerChecks } from '../fakes/identity.ts';

const WALLET = privateKeyToAccount(`0x${'ab'.repeat(32)}`);
const OTHER = privateKeyToAccount(`0x${'cd'.repeat(32)}`);
const CONTRACT = getAddress('0x00000000000000000000000000000000c0ffee01') as Hex;
/** As a wallet of two owners signs. */
const TWO_SIGNATURES = `0x${'12'.repeat(130)}`;
const folder = mkdtempSync(join(tmpdir(), 'idlewatt-payout-binding-'));
let chain: PracticeChain;
let admin: JsonRpcProvider;
let number = 0;

before(
  async () => {
    chain = await startPracticeChain({ folder: join(folder, 'chain'), moreMethods: ['anvil_setCode'] });
    admin = new JsonRpcProvider(chain.network.rpcUrl);
  },
  { timeout: 60_000 },
);
after(async () => {
  admin?.destroy();
  await chain?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** A data folder that pays out to this address. */
async function setUp(payout: string) {
  const home = join(folder, String(++number));
  const paths = homePaths(home);
  mkdirSync(paths.keys, { recursive: true, mode: 0o700 });
  openDatabase(paths.database).close();
  const key = await createPeerKey(await loadPeerKey(paths.keys));
  createSecrets({
    ...{ folder: paths.keys, keys: createKeyTools(), readAddress, clock: systemClock, isOwed: () => false },
  }).setPayoutAddress(payout);
  const clock = createClock(() => undefined);
  const address = readAddress(payout);
  const file = signedBindingFile(paths.keys);
  const bindings = createBindings({
    ...{ key, clock, payout: null, network: chain.network.id },
    signedElsewhere: () => file.signedFor({ peer: key.peer, payout: address }),
  });
  const parties = { peer: key.peer, payout: address, networks: [chain.network.id] };
  return { home, key, file, bindings, parties, checks: offerChecks(clock) };
}

async function run(home: string, line: string, ...words: string[]) {
  const child = spawn(process.execPath, [AGENT_PROGRAM, ...words, '--home', home], { stdio: 'pipe' });
  const read = { out: '', error: '' };
  child.stdout.on('data', (part: Buffer) => {
    read.out += part.toString();
  });
  child.stderr.on('data', (part: Buffer) => {
    read.error += part.toString();
  });
  child.stdin.end(`${line}\n`);
  const [code] = (await once(child, 'exit')) as [number];
  return { code, ...read };
}

/** Signs as a wallet does that got the JSON for `eth_signTypedData_v4`. */
const sign = (account: typeof WALLET, json: string) => account.signTypedData(JSON.parse(json));

/** A contract that accepts one digest: `digest == word(4) ? 0x1626ba7e : 0`. */
async function deployWalletFor(json: string): Promise<void> {
  const { EIP712Domain: _, ...types } = JSON.parse(json).types;
  const { domain, message } = JSON.parse(json);
  const digest = TypedDataEncoder.hash(domain, types, message).slice(2);
  const code = `0x7f${digest}60043514631626ba7e60e01b025f5260205ff3`;
  await admin.send('anvil_setCode', [CONTRACT, code]);
}

test('any wallet signs the printed text, and the peer is bound to its address until the time in it', async () => {
  const { home, bindings, parties, checks } = await setUp(WALLET.address);
  assert.equal(await bindings.current(), null);
  const printed = await run(home, '', 'identity', 'message', '--days', '7');
  assert.equal(printed.code, 0, printed.error);
  const { message, primaryType } = JSON.parse(printed.out);
  assert.deepEqual(
    [primaryType, message.peer, message.payout],
    ['PeerBinding', parties.peer, WALLET.address.toLowerCase()],
  );
  assert.equal(Number(message.untilSeconds) - Number(message.fromSeconds), 7 * 86_400);
  const bound = await run(home, await sign(WALLET, printed.out), 'identity', 'bind');
  assert.match(bound.out, /its key signed/, bound.error);
  const jws = (await bindings.current()) ?? assert.fail('the peer is bound');
  await checkBinding(jws, parties, checks);
  await assert.rejects(checkBinding(jws, { ...parties, payout: OTHER.address }, checks), {
    code: 'bad-request',
  });
  const later = manualClock(systemClock.now() + 8 * 86_400_000);
  await assert.rejects(checkBinding(jws, parties, offerChecks(later)), { code: 'bad-request' });
  const shown = await run(home, '', 'identity', 'show');
  assert.match(shown.out, new RegExp(`Payout address  ${WALLET.address}, bound until`));
});

test('a signature of another key, or of an earlier text, is refused, and nothing is stored', async () => {
  const { home, file, parties } = await setUp(WALLET.address);
  const nothing = await run(home, '0x12', 'identity', 'bind');
  assert.match(nothing.error, /Nothing is waiting/);
  const first = await run(home, '', 'identity', 'message', '--days', '1');
  const second = await run(home, '', 'identity', 'message', '--days', '2');
  for (const line of [await sign(OTHER, second.out), await sign(WALLET, first.out), '0x12', 'words']) {
    const refused = await run(home, line, 'identity', 'bind', '--rpc', chain.network.rpcUrl);
    assert.notEqual(refused.code, 0, line);
  }
  assert.equal(file.signedFor(parties), null);
});

test('a contract wallet is asked on the chain, by the owner’s machine and by readers', async () => {
  const { home, bindings, parties, checks } = await setUp(CONTRACT);
  const printed = await run(home, '', 'identity', 'message');
  const refused = await run(home, TWO_SIGNATURES, 'identity', 'bind', '--rpc', chain.network.rpcUrl);
  assert.notEqual(refused.code, 0, 'there is no contract yet');
  await deployWalletFor(printed.out);
  const bound = await run(home, TWO_SIGNATURES, 'identity', 'bind', '--rpc', chain.network.rpcUrl);
  assert.match(bound.out, /its contract accepts the signature/, bound.error);
  const jws = (await bindings.current()) ?? assert.fail('the peer is bound');
  await assert.rejects(
    checkBinding(jws, parties, checks),
    { code: 'bad-request' },
    'a reader without a chain',
  );
  const node = connectNode(chain.network);
  try {
    const verifyByContract = createContractSignatures(node, systemClock);
    await checkBinding(jws, parties, { ...checks, verifyByContract });
    await admin.send('anvil_setCode', [CONTRACT, '0x5f5f5260205ff3']);
    const fresh = createContractSignatures(node, systemClock);
    await assert.rejects(
      checkBinding(jws, parties, { ...checks, verifyByContract: fresh }),
      { code: 'bad-request' },
      'the contract doesn’t accept it any more',
    );
  } finally {
    node.close();
  }
});

test('results are remembered for a while, and queries are limited', async () => {
  const clock = manualClock(0);
  let queries = 0;
  let isUp = true;
  let isAnswering = true;
  const reader = {
    async getCode() {
      queries += 1;
      if (!isUp) throw new AppError('chain-unavailable', 'no answer');
      return '0x60' as Hex;
    },
    async readContract({ args }: { args?: readonly unknown[] }) {
      if (!isAnswering) throw new AppError('chain-unavailable', 'no answer');
      return String(args?.[1]).startsWith('0xaa') ? '0x1626ba7e' : '0xffffffff';
    },
  };
  const verify = createContractSignatures(reader, clock);
  const data = {
    domain: { name: 'n' },
    types: { T: [{ name: 'a', type: 'string' }] },
    primaryType: 'T',
    message: { a: 'b' },
  };
  const signature = (index: number) => `0xaa${String(index).padStart(4, '0')}`;
  isUp = false;
  assert.equal(await verify(CONTRACT, data, signature(0)), 'unknown', 'the chain doesn’t answer');
  isUp = true;
  for (let again = 0; again < 3; again += 1)
    assert.equal(await verify(CONTRACT, data, signature(0)), 'accepted');
  assert.equal(queries, 2, 'asked again after a failure, and then remembered');
  assert.equal(await verify(CONTRACT, data, '0xbb'), 'refused');
  isAnswering = false;
  assert.equal(await verify(CONTRACT, data, '0xcc'), 'unknown', 'an outage between the two queries');
  isAnswering = true;
  assert.equal(await verify(CONTRACT, data, '0xcc'), 'refused');
  for (let index = 1; index < 100; index += 1) await verify(CONTRACT, data, signature(index));
  assert.equal(queries, 30, 'in one minute');
  assert.equal(await verify(CONTRACT, data, signature(98)), 'unknown', 'not asked');
  assert.equal(await verify(CONTRACT, data, signature(0)), 'accepted', 'known results need no query');
  clock.advance(60_000);
  assert.equal(await verify(CONTRACT, data, signature(99)), 'accepted');
  clock.advance(3_600_000);
  await verify(CONTRACT, data, signature(0));
  assert.equal(queries, 32, 'an accepted one is asked about again after an hour');
});
