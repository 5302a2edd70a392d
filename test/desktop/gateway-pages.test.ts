/**
 * Verifies: the page "Buy inference" adds a key with its limits, shows its secret once, changes and revokes it; it allows
 *   and removes web pages and host names, of which there are none at first. The page of a job names the key that bought it.
 *   In the open market, the page Network adds public nodes and the forwarded port, and elsewhere has no such fields.
 * Setup: the built pages in headless Chromium against a fake agent that implements the whole contract.
 * Fails if: a limit is sent in the wrong unit, a secret is shown again, a wrong address can be allowed, or the page
 *   allows an origin that the owner didn't type.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ADDED_KEY } from '../fakes/agent-memory.ts';
import { OPENED_WAYS, RELAYED_WAYS } from '../fakes/ways.ts';
import { type Pages, startPages } from './pages-browser.ts';

let pages: Pages;
before(async () => {
  pages = await startPages();
});
after(() => pages.close());

test('a key is added with its limits, its secret is shown once, and it is revoked', () =>
  pages.withPage({}, async ({ page, agent, go }) => {
    await go('use');
    await page.getByText('24 h: 12.50 ct of 50.00 ct').waitFor();
    await page.getByRole('button', { name: 'Add a key' }).click();
    const create = page.getByRole('button', { name: 'Create key' });
    assert.ok(await create.isDisabled(), 'a key needs a name');
    await page.getByLabel('Name', { exact: true }).fill('Editor');
    await page.getByLabel('Budget for 24 hours').fill('0.25');
    await page.getByLabel('Budget in total').fill('10');
    await page.getByLabel('Valid', { exact: true }).selectOption('7 days');
    await page.getByLabel('Requests per minute, up to').fill('30');
    await page.getByLabel('Concurrent requests, up to').fill('2');
    await create.click();
    await page.getByText(ADDED_KEY).waitFor();
    const sent = agent.calls.find(({ name }) => name === 'keys.add')?.input as Record<string, unknown>;
    const expiresInMs = Number(sent.expiresAtMs) - agent.now();
    assert.ok(Math.abs(expiresInMs - 7 * 86_400_000) < 60_000, String(expiresInMs));
    assert.deepEqual(
      { ...sent, expiresAtMs: 0 },
      {
        ...{ name: 'Editor', dayMax: '250000', totalMax: '10000000', expiresAtMs: 0 },
        ...{ requestsPerMinuteMax: 30, concurrentMax: 2 },
      },
    );
    await go('home');
    await go('use');
    await page.getByText('30 requests/min').waitFor();
    assert.equal(await page.getByText(ADDED_KEY).count(), 0);
    await page.getByRole('button', { name: 'Change Editor' }).click();
    await page.getByLabel('Budget for 24 hours').fill('0.5');
    await page.getByLabel('Requests per minute, up to').fill('40');
    await page.getByLabel('Concurrent requests, up to').fill('');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('40 requests/min').waitFor();
    assert.deepEqual(agent.calls.find(({ name }) => name === 'keys.change')?.input, {
      id: '2'.repeat(16),
      limits: {
        ...{ dayMax: '500000', totalMax: '10000000', expiresAtMs: sent.expiresAtMs },
        ...{ requestsPerMinuteMax: 40, concurrentMax: null },
      },
    });
    await page.getByRole('button', { name: 'Revoke Editor' }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Revoke' }).click();
    await page.getByText('40 requests/min').waitFor({ state: 'detached' });
    assert.deepEqual(
      agent.calls.filter(({ name }) => name === 'keys.revoke').map(({ input }) => input),
      [{ id: '2'.repeat(16) }],
    );
  }));

test('the page of a bought job names the key that bought it', () =>
  pages.withPage({}, async ({ page, go }) => {
    await go('jobs/job-0011');
    const row = page.locator('.kv-row', { hasText: 'API key' });
    assert.equal(await row.locator('dd').innerText(), 'Editor');
    await go('jobs/job-0010');
    await page.getByText('Payment channel').waitFor();
    assert.equal(await page.getByText('API key').count(), 0);
  }));

test('web pages and host names are allowed by their origin or name, and removed again', () =>
  pages.withPage({}, async ({ page, agent, go }) => {
    await go('use');
    await page.getByText('No web page is allowed.').waitFor();
    await page.getByText('No other host name is allowed.').waitFor();
    const changes = () =>
      agent.calls.filter(({ name }) => name === 'settings.change').map(({ input }) => input);
    const origins = page.getByRole('region', { name: 'Web pages', exact: true });
    const hosts = page.getByRole('region', { name: 'Host names of proxies' });
    for (const wrong of ['https://*.example.org', '*', 'example.org']) {
      await origins.getByRole('textbox').fill(wrong);
      await page.getByText('Enter an address such as https://example.org.').waitFor();
      assert.ok(await origins.getByRole('button', { name: 'Allow' }).isDisabled(), wrong);
    }
    await origins.getByRole('textbox').fill('https://Chat.example.org:8443/app?x=1');
    await origins.getByRole('button', { name: 'Allow' }).click();
    await origins.getByText('https://chat.example.org:8443', { exact: true }).waitFor();
    await hosts.getByRole('textbox').fill('ai.example.org:80');
    assert.ok(await hosts.getByRole('button', { name: 'Allow' }).isDisabled());
    await hosts.getByRole('textbox').fill('AI.example.org');
    await hosts.getByRole('button', { name: 'Allow' }).click();
    await hosts.getByText('ai.example.org', { exact: true }).waitFor();
    await origins.getByRole('button', { name: 'Remove https://chat.example.org:8443' }).click();
    await page.getByText('No web page is allowed.').waitFor();
    assert.deepEqual(changes(), [
      { gatewayOrigins: ['https://chat.example.org:8443'] },
      { gatewayHosts: ['ai.example.org'] },
      { gatewayOrigins: [] },
    ]);
  }));

test('the open market has fields for public nodes, the public DHT and the port that the router forwards', () =>
  pages.withPage({}, async ({ page, agent, go }) => {
    await go('network');
    assert.equal(await page.getByText('Open market', { exact: true }).count(), 0);
    agent.change({ app: { ...agent.script.state.app, profile: 'open' } });
    const nodes = page.getByRole('region', { name: 'Public nodes' });
    await nodes.getByText('None is set here.').waitFor();
    await nodes.getByRole('textbox').fill('/ip4/203.0.113.5/tcp/4001');
    await page.getByText('Enter an address such as /ip4/').waitFor();
    assert.ok(await nodes.getByRole('button', { name: 'Add' }).isDisabled(), 'the peer ID is missing');
    const node = '/ip4/203.0.113.5/tcp/4001/p2p/12D3KooWMfJoto6bGrVWJ5VDy716CzBJz5LNnru7ZmXx3RN4virQ';
    await nodes.getByRole('textbox').fill(` ${node}`);
    await nodes.getByRole('button', { name: 'Add' }).click();
    await nodes.getByText(node).waitFor();
    await page.getByText('Use the public DHT of IPFS').click();
    const port = page.getByLabel('Forwarded port');
    await port.fill('4001');
    await port.press('Enter');
    const host = page.getByLabel('Public address');
    await host.fill('home.example.org:4001/x');
    await page.getByText('Enter an IP address or a host name, without a port.').waitFor();
    await host.fill('Home.Example.org');
    await host.press('Enter');
    const changes = () =>
      agent.calls.filter(({ name }) => name === 'settings.change').map(({ input }) => input);
    while (changes().length < 4) await page.waitForTimeout(20);
    assert.deepEqual(changes(), [
      { publicNodes: [node] },
      { publicDht: true },
      { forwardedPort: 4_001 },
      { publicHost: 'home.example.org' },
    ]);
  }));

test('the open market has a line for each way in use, and opens a port at the press of a button', () =>
  pages.withPage({}, async ({ page, agent, go }) => {
    await go('network');
    const { app, network, settings } = agent.script.state;
    agent.change({ app: { ...app, profile: 'open' }, network: { ...network, ways: RELAYED_WAYS } });
    const found = page.getByRole('region', { name: 'Finding others' });
    const lines = ['Public nodes', 'DHT of the market', 'Public DHT of IPFS', 'Local network'];
    for (const line of lines) await found.getByText(line, { exact: true }).waitFor();
    await found.getByText('2 of 3 connected').waitFor();
    const reached = page.getByRole('region', { name: 'Being reached' });
    await reached.getByText('[2a00:1450:4001:81b::200e]:40123').waitFor();
    await reached.getByText('TCP · 1.8 MB received, 31.0 MB sent · no limit per connection').waitFor();
    await reached.getByText('round trip 38 ms · ').waitFor();
    await reached.getByText(/ per MB · .* paid since the start/).waitFor();
    await page.getByText('IPv6 is blocked on the way in.').waitFor();
    await page.getByRole('button', { name: 'Open a port for me' }).click();
    await page.locator('[aria-busy=true]').waitFor({ state: 'detached' });
    const changes = agent.calls.filter(({ name }) => name === 'settings.change').map(({ input }) => input);
    assert.deepEqual(changes, [{ openPort: true }]);
    agent.change({
      network: { ...network, ways: OPENED_WAYS },
      settings: { ...settings, language: 'en', openPort: true },
    });
    await page.getByRole('heading', { name: 'Reachable from the internet' }).waitFor();
    await reached.getByText('Port opened by UPnP').waitFor();
    assert.equal(await page.getByText('What would help').count(), 0);
  }));
