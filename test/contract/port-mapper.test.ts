/**
 * Verifies: a real router (miniupnpd) opens a port by NAT-PMP and by UPnP, and closes it again on request.
 * Setup: the homes of the lab, whose routers drop what strangers send; the first speaks both protocols, the second only UPnP,
 * the third neither.
 * Fails if: no rule appears in the router's firewall, it stays there, or a router that speaks neither holds a machine up.
 * Lab: it builds a network of homes.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type Host, type Lab, openLab } from '../lab/lab.ts';
import type { MapperReport } from '../lab/port-mapper.ts';

const PROGRAM = join(import.meta.dirname, '../lab/port-mapper.ts');

let lab: Lab;
before(async () => {
  lab = await openLab();
});
after(() => lab.close());

/** Has the machine at this host ask its router; `remove` has the port closed. */
async function ask(host: Host): Promise<{ readonly answer: unknown; remove(): Promise<void> }> {
  const child = lab.start(host, PROGRAM, []);
  const [{ answer }] = (await once(child, 'message')) as [MapperReport];
  return {
    answer,
    async remove() {
      child.send('remove');
      const [{ isRemoved }] = (await once(child, 'message')) as [MapperReport];
      assert.ok(isRemoved);
    },
  };
}

for (const [by, home, host, options] of [
  ['nat-pmp', 1, 'p', []],
  ['upnp', 2, 'r', ['no']],
] as const) {
  test(`opens a port by ${by} and closes it again`, async () => {
    await lab.run('open', `nat${home}`, ...options);
    await lab.run('closed', `nat${home}`);
    const { answer, remove } = await ask(host);
    assert.deepEqual(answer, {
      ...{ by, router: `192.168.10${home}.1`, internalHost: `192.168.10${home}.2`, internalPort: 4_001 },
      ...{ externalHost: `45.0.0.10${home}`, externalPort: 4_001, lifetimeMs: 3_600_000 },
    });
    await assert.rejects(lab.run('closed', `nat${home}`), 'the router has no rule');
    await remove();
    await lab.run('closed', `nat${home}`);
  });
}

test('finds no router that opens ports where there is none', async () => {
  assert.equal((await ask('q')).answer, 'no-router');
});
