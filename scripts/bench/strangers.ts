/**
 * `npm run bench -- strangers`: measures the memory of an agent while one peer opens hundreds of streams and sends half of
 * a request of a megabyte on each.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { generateKeyPair } from '@libp2p/crypto/keys';
import type { Libp2p, Stream } from '@libp2p/interface';
import { multiaddr } from '@multiformats/multiaddr';
import { createNode } from '../../main/adapters/libp2p/node.ts';
import type { AgentState } from '../../shared/api/state.ts';
import { forceUnwrap } from '../../shared/assert.ts';
import { CHAT_PATH } from '../../shared/wire.ts';
import { connectApi, startAgent, waitForState } from '../lib/agent-process.ts';
import { atMost, type BenchResult, progress } from './result.ts';

/** The attack that was seen; it cost 260 MB. */
const STREAMS = 768;
const STREAMS_PER_CONNECTION = 192;
const SENT_BYTES = 512 * 1024;
const QUIET_MS = 10_000;
/** Longer than the deadlines for headers and bodies. */
const ATTACK_MS = 45_000;
const SETTLE_MS = 15_000;
const SAMPLE_MS = 200;
const READY_MS_MAX = 120_000;
const GOAL_MB = 64;

const isTcp = (address: string): boolean => address.includes('/tcp/');
const isReady = ({ network, work }: AgentState): boolean =>
  network.addresses.some(isTcp) && work.engine === 'ready';

export async function run(): Promise<BenchResult> {
  const home = mkdtempSync(join(tmpdir(), 'idlewatt-bench-strangers-'));
  const agent = await startAgent(['--headless', '--home', home, '--quiet-requester']);
  const node = await createNode({
    privateKey: await generateKeyPair('Ed25519'),
    listen: [],
    mdnsServiceTag: null,
    onFound: () => undefined,
    connectionGater: {},
  });
  try {
    const api = await connectApi(forceUnwrap('a headless agent has pages', agent.ready.page));
    const { network } = await waitForState(api.api, isReady, { timeoutMs: READY_MS_MAX });
    api.close();
    const address = forceUnwrap('the agent listens', network.addresses.find(isTcp));
    await node.start();
    const { pid } = agent.ready;
    await peakMegabytes(pid, QUIET_MS);
    const quiet = await peakMegabytes(pid, QUIET_MS);
    progress(`Opening ${STREAMS} streams of one peer.`);
    const [attacked, open] = await Promise.all([peakMegabytes(pid, ATTACK_MS), attack(node, address)]);
    const after = await peakMegabytes(pid, QUIET_MS);
    const figures = {
      quietMb: quiet,
      attackedPeakMb: attacked,
      attackMb: attacked - quiet,
      afterMb: after,
      streamsOpened: STREAMS,
      streamsKept: open,
    };
    const notes = ['Resident memory of the agent alone, the highest of samples every 200 ms.'];
    return { figures, goals: { attackMb: atMost(figures.attackMb, GOAL_MB) }, notes };
  } finally {
    await node.stop();
    await agent.stop();
    rmSync(home, { recursive: true, force: true });
  }
}

/** Sends half requests for as long as streams are accepted; returns how many of them are still open a while later. */
async function attack(node: Libp2p, address: string): Promise<number> {
  const streams: Stream[] = [];
  const head = `POST ${CHAT_PATH} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 1000000\r\n\r\n`;
  const body = new Uint8Array(SENT_BYTES).fill(0x20);
  for (let opened = 0; opened < STREAMS; opened += STREAMS_PER_CONNECTION) {
    const connection = await node.dial(multiaddr(address), { force: true }).catch(() => null);
    for (let count = 0; connection !== null && count < STREAMS_PER_CONNECTION; count += 1) {
      try {
        const stream = await connection.newStream('/http/1.1', { maxOutboundStreams: STREAMS });
        stream.addEventListener('message', () => undefined);
        stream.send(new TextEncoder().encode(head));
        stream.send(body);
        streams.push(stream);
      } catch {
        // Refused, or reset already: the attack continues with the next one.
      }
    }
  }
  // Before the deadline for bodies, which ends the others as well.
  await sleep(SETTLE_MS);
  return streams.filter(({ status }) => status === 'open').length;
}

/** Highest resident memory of the process during that time. */
async function peakMegabytes(pid: number, durationMs: number): Promise<number> {
  let peak = 0;
  for (const end = performance.now() + durationMs; performance.now() < end; await sleep(SAMPLE_MS)) {
    const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    peak = Math.max(peak, (Number(kibibytes) * 1024) / 1e6);
  }
  return peak;
}
