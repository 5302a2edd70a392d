/**
 * Verifies: the machine's hotkey survives, also one that the owner put there, and a damaged file is never replaced.
 * Setup: a folder of keys; files as btcli writes them, and damaged ones.
 * Fails if: a start makes a second identity, other users can read the file, or a wrong address is accepted.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openHotkey, readHotkey } from '../../../main/agent/hotkey-file.ts';
import { isAppError } from '../../../shared/errors.ts';

const folder = mkdtempSync(join(tmpdir(), 'idlewatt-hotkey-'));
const path = join(folder, 'bittensor-hotkey.json');
after(() => rmSync(folder, { recursive: true }));

/** The development account Alice of every Substrate chain. */
const ALICE = {
  accountId: '0xd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d',
  publicKey: '0xd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d',
  secretSeed: '0xe5be9a5092b81bca64be81d212e7f2f9eba183bb7a90954f7b76361f6edb5c0a',
  ss58Address: '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY',
};

test('makes one hotkey and keeps it to the owner', () => {
  assert.equal(readHotkey(folder), null);
  const { address } = openHotkey(folder);
  assert.match(address, /^5[1-9A-HJ-NP-Za-km-z]{47}$/);
  assert.equal(openHotkey(folder).address, address);
  if (process.platform !== 'win32') assert.equal(statSync(path).mode & 0o077, 0);
});

test('takes the file of another wallet in its place', () => {
  writeFileSync(path, JSON.stringify(ALICE));
  assert.equal(openHotkey(folder).address, ALICE.ss58Address);
});

test('reports a damaged file, or an address that isn’t the seed’s, and leaves it alone', () => {
  const other = { ...ALICE, secretSeed: `0x${'11'.repeat(32)}` };
  for (const text of ['', '{', '{}', JSON.stringify({ secretSeed: '0x12' }), JSON.stringify(other)]) {
    writeFileSync(path, text);
    assert.throws(
      () => openHotkey(folder),
      (error) => isAppError(error, 'bad-request'),
    );
    assert.equal(readFileSync(path, 'utf8'), text);
  }
});
