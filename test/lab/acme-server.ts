/**
 * For labs: Pebble, the ACME server that Let's Encrypt tests clients with, and its DNS server, for which every name is this
 * machine. Both are built once from their Go modules into the cache folder, which needs the Go toolchain.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { cacheFolder } from '../../scripts/lib/places.ts';

const MODULE = 'github.com/letsencrypt/pebble/v2/cmd';
const VERSION = 'v2.10.3';
const HOST = '127.0.0.1';
const START_MS_MAX = 20_000;
/** The server refuses orders for it, as an authority does for names that nobody may have. */
export const FORBIDDEN_NAME = 'forbidden.example';

export interface AcmeServer {
  /** URL of its directory. */
  readonly directory: string;
  /** File of the certificate that its own HTTPS has to be trusted by. */
  readonly ownCertificateFile: string;
  /** Root (PEM) of the certificates that it issues. */
  readonly root: string;
  /** Port to which it connects as port 443 of each name. */
  readonly challengePort: number;
  /** Lets a name lead to another address. */
  lead(name: string, address: string): Promise<void>;
  close(): void;
}

/** Trusts its HTTPS in this process, too. */
export async function startAcmeServer(): Promise<AcmeServer> {
  const programs = build();
  const folder = mkdtempSync(join(tmpdir(), 'idlewatt-acme-'));
  const ownCertificateFile = makeCertificate(folder);
  setDefaultCACertificates([...getCACertificates('default'), readFileSync(ownCertificateFile, 'utf8')]);
  const [port, management, dns, dnsManagement, challengePort, unused] = await Promise.all(
    Array.from({ length: 6 }, freePort),
  );
  const config = {
    listenAddress: `${HOST}:${port}`,
    managementListenAddress: `${HOST}:${management}`,
    certificate: ownCertificateFile,
    privateKey: join(folder, 'key.pem'),
    httpPort: unused,
    tlsPort: challengePort,
    domainBlocklist: [FORBIDDEN_NAME],
    keyAlgorithm: 'ecdsa',
    profiles: { default: { description: 'three months', validityPeriod: 7_776_000 } },
  };
  writeFileSync(join(folder, 'config.json'), JSON.stringify({ pebble: config }));
  const off = ['-http01', '', '-https01', '', '-tlsalpn01', '', '-doh', ''];
  const names = ['-dnsserver', `${HOST}:${dns}`, '-management', `${HOST}:${dnsManagement}`];
  const children = [
    spawn(join(programs, 'pebble-challtestsrv'), [
      ...off,
      ...names,
      '-defaultIPv6',
      '',
      '-defaultIPv4',
      HOST,
    ]),
    spawn(
      join(programs, 'pebble'),
      ['-strict', '-config', join(folder, 'config.json'), '-dnsserver', `${HOST}:${dns}`],
      // Otherwise it waits for seconds before it looks.
      { env: { ...process.env, PEBBLE_VA_NOSLEEP: '1' } },
    ),
  ];
  const output = children.map(outputOf);
  const close = () => {
    for (const child of children) child.kill();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const root = await answerOf(`https://${HOST}:${management}/roots/0`);
    await answerOf(`http://${HOST}:${dnsManagement}/`);
    const directory = `https://${HOST}:${port}/dir`;
    return {
      ...{ directory, ownCertificateFile, root, challengePort: challengePort ?? 0, close },
      async lead(host, address) {
        const body = JSON.stringify({ host, addresses: [address] });
        await fetch(`http://${HOST}:${dnsManagement}/add-a`, { method: 'POST', body });
      },
    };
  } catch (cause) {
    close();
    throw new Error(`The ACME server didn’t start:\n${output.map((read) => read()).join('\n')}`, { cause });
  }
}

/** Returns the folder of the programs. */
function build(): string {
  const folder = join(cacheFolder(), `pebble-${VERSION}`);
  const programs = ['pebble', 'pebble-challtestsrv'];
  if (programs.every((name) => existsSync(join(folder, name)))) return folder;
  mkdirSync(folder, { recursive: true });
  const env = { ...process.env, GOBIN: folder };
  execFileSync('go', ['install', ...programs.map((name) => `${MODULE}/${name}@${VERSION}`)], { env });
  return folder;
}

function makeCertificate(folder: string): string {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const names = ['-subj', '/CN=test', '-days', '2', '-addext', `subjectAltName=IP:${HOST}`];
  const file = join(folder, 'cert.pem');
  const out = ['-keyout', join(folder, 'key.pem'), '-out', file];
  execFileSync('openssl', ['req', '-x509', ...key, ...names, ...out], { stdio: 'ignore' });
  return file;
}

function outputOf(child: ChildProcess): () => string {
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk) => {
      text = `${text}${chunk}`.slice(-4_000);
    });
  }
  return () => text;
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Asks until a server answers. */
async function answerOf(url: string): Promise<string> {
  const endMs = performance.now() + START_MS_MAX;
  for (;;) {
    try {
      return await (await fetch(url)).text();
    } catch (error) {
      if (performance.now() > endMs) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
