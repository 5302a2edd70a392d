/**
 * Verifies: a download that the network prevents ends with the reason, not as a broken or missing model.
 * Setup: a server on loopback that answers as a sign-in page or with a rate limit; a fake Python that prints what
 * pip printed on such networks.
 * Fails if: a sign-in page is stored as a model, or pip's connection errors become "no such package".
 */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { download } from '../../../main/core/models/download.ts';
import type { DownloadOptions } from '../../../main/core/models/download-options.ts';
import { systemClock } from '../../../main/ports/clock.ts';

const folder = mkdtempSync(join(tmpdir(), 'idlewatt-office-'));
after(() => rmSync(folder, { recursive: true }));

const options = (python = 'python3'): DownloadOptions => ({
  path: join(folder, 'model.part'),
  sizeBytes: null,
  clock: systemClock,
  fetch: globalThis.fetch,
  openPart: () => assert.fail('nothing is stored'),
  python,
  signal: new AbortController().signal,
  onBytes: () => undefined,
});

async function reasonOfAnswer(status: number, type: string): Promise<string> {
  const server = createServer((_request, response) =>
    response.writeHead(status, { 'content-type': type }).end('<p>'),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/model.gguf`;
  const reason = await download({ kind: 'https', url }, options()).then(
    () => 'downloaded',
    (error: Error) => error.message,
  );
  server.closeAllConnections();
  server.close();
  return reason;
}

test('a sign-in page and a rate limit are named and not stored', async () => {
  assert.match(await reasonOfAnswer(200, 'text/html; charset=utf-8'), /sign in to the network/);
  assert.match(await reasonOfAnswer(511, 'text/html'), /sign in to the network/);
  assert.match(await reasonOfAnswer(429, 'text/plain'), /refuses more requests for now/);
  assert.equal(await reasonOfAnswer(404, 'text/plain'), 'the server responded with status 404');
  assert.equal(existsSync(join(folder, 'model.part')), false);
});

const RETRY = 'WARNING: Retrying (Retry(total=4, connect=None)) after connection broken by';
const NONE =
  'ERROR: Could not find a version that satisfies the requirement a==1 (from versions: none)\nERROR: No matching distribution found for a==1';

const OUTPUTS = [
  [
    `${RETRY} 'NewConnectionError(': Failed to establish a new connection: [Errno 111] Connection refused')': /simple/a/\n${NONE}`,
    /index is not reachable$/,
  ],
  [
    `${RETRY} 'NameResolutionError("Failed to resolve: [Errno -3] Temporary failure in name resolution")'\n${NONE}`,
    /index is not reachable$/,
  ],
  [
    `${RETRY} 'ConnectTimeoutError(connect timeout=15)': /simple/a/\n`.repeat(5) + NONE,
    /index is not reachable$/,
  ],
  [
    `${RETRY} 'ProxyError('Cannot connect to proxy.', OSError('Tunnel connection failed: 407 Proxy Authentication Required'))'\n${NONE}`,
    /through the proxy/,
  ],
  [
    `${RETRY} 'SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED]'))'\n${NONE}`,
    /no valid certificate/,
  ],
  [
    'ERROR: HTTP error 429 while getting https://index.example/a.whl\nERROR: 429 Client Error: Too Many Requests',
    /refuses more requests/,
  ],
  [NONE, /has no such package$/],
] as const;

test('pip’s connection errors differ from a missing package', async () => {
  for (const [index, [output, expected]] of OUTPUTS.entries()) {
    const python = join(folder, `python-${index}`);
    writeFileSync(`${python}.txt`, output);
    writeFileSync(python, `#!/bin/sh\ncat '${python}.txt' >&2\nexit 1\n`);
    chmodSync(python, 0o755);
    const source = { kind: 'pypi' as const, package: 'a', version: '1', member: 'm', packageBytes: 1 };
    await assert.rejects(download(source, options(python)), expected, output);
  }
});
