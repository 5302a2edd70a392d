/**
 * A fake agent for tests and development of the pages: the same contract with scripted data, served on
 * loopback together with `dist/renderer`. It earns nothing and talks to nobody; no release contains it.
 *
 * By hand: `node test/fakes/agent-api.ts --port 5199 [--scenario busy|empty|unknown]`.
 */
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { implement, ORPCError } from '@orpc/server';
import { RPCHandler } from '@orpc/server/ws';
import { type WebSocket, WebSocketServer } from 'ws';
import { contract } from '../../shared/api/contract.ts';
import type { AgentState } from '../../shared/api/state.ts';
import type { ErrorCode } from '../../shared/errors.ts';
import type { PauseUntil, Presence } from '../../shared/presence.ts';
import {
  API_SOCKET_PATH,
  CLOSE_TOKEN_REFUSED,
  SUBPROTOCOL,
  TOKEN_FRAGMENT,
  TOKEN_PREFIX,
} from '../../shared/wire.ts';
import { type Scenario, type Script, scriptFor } from './agent-script.ts';
import { prepareSpend, sentTransaction, TRANSACTION_STATES } from './agent-wallet.ts';

const PAGES = fileURLToPath(new URL('../../dist/renderer/', import.meta.url));
const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.json': 'application/json',
};

export interface FakeAgent {
  /** With the token in the fragment, as the real agent prints it. */
  readonly url: string;
  readonly port: number;
  readonly token: string;
  readonly script: Script;
  /** Names of the calls that arrived, in order, with their input. */
  readonly calls: { readonly name: string; readonly input: unknown }[];
  /** The next call of this name fails with this error. */
  failNext(name: string, code: ErrorCode, message: string): void;
  /** Replaces sections and tells everybody who watches. */
  change(sections: Partial<AgentState>): void;
  /** Cuts every connection and refuses new ones until {@link FakeAgent.restore}. */
  cut(): void;
  restore(): void;
  stop(): Promise<void>;
}

export async function startFakeAgent(
  options: {
    scenario?: Scenario;
    port?: number;
    token?: string;
    nowMs?: number;
    /** Folder of the built pages. */
    folder?: string;
  } = {},
): Promise<FakeAgent> {
  const script = scriptFor(options.scenario ?? 'busy', options.nowMs ?? Date.now());
  const token = options.token ?? 'f00dfeed'.repeat(4);
  const calls: { name: string; input: unknown }[] = [];
  const failures = new Map<string, ORPCError<string, unknown>>();
  const watchers = new Set<(sections: Partial<AgentState>) => void>();
  let state = script.state;

  const change = (sections: Partial<AgentState>) => {
    state = { ...state, ...sections };
    for (const tell of watchers) tell(sections);
  };
  const called = (name: string, input: unknown) => {
    calls.push({ name, input });
    const expected = failures.get(name);
    failures.delete(name);
    if (expected) throw expected;
  };
  const setPresence = (presence: Presence) => {
    change({
      work: { ...state.work, presence, activeJobs: presence.decision === 'run' ? state.work.activeJobs : [] },
    });
    return presence;
  };

  const on = implement(contract);
  const router = on.router({
    state: {
      watch: on.state.watch.handler(async function* ({ signal }) {
        const waiting: Partial<AgentState>[] = [];
        let wake = () => {};
        const tell = (sections: Partial<AgentState>) => {
          waiting.push(sections);
          wake();
        };
        watchers.add(tell);
        signal?.addEventListener('abort', () => wake());
        try {
          yield { type: 'whole' as const, state };
          while (!signal?.aborted) {
            const sections = waiting.shift();
            if (sections) yield { type: 'changed' as const, sections };
            else
              await new Promise<void>((resolve) => {
                wake = resolve;
              });
          }
        } finally {
          watchers.delete(tell);
        }
      }),
    },
    presence: {
      pause: on.presence.pause.handler(({ input }) => {
        called('presence.pause', input);
        return setPresence({
          decision: 'pause',
          reason: 'paused-by-owner',
          sinceMs: Date.now(),
          untilMs: pauseEndMs(input.until),
        });
      }),
      resume: on.presence.resume.handler(({ input }) => {
        called('presence.resume', input);
        return setPresence({ decision: 'run', reason: 'idle', sinceMs: Date.now(), untilMs: null });
      }),
      schedulePreview: on.presence.schedulePreview.handler(({ input }) => {
        called('presence.schedulePreview', input);
        return script.schedulePreview;
      }),
    },
    jobs: {
      list: on.jobs.list.handler(({ input }) => {
        called('jobs.list', input);
        const fits = script.jobs.filter(
          (job) =>
            (input.side === undefined || job.side === input.side) &&
            (input.beforeMs === undefined || job.createdAtMs < input.beforeMs) &&
            (input.outcome === 'all' ||
              (input.outcome === 'failed') === ['failed', 'aborted', 'refused'].includes(job.state)),
        );
        return { jobs: fits.slice(0, input.limit), more: fits.length > input.limit };
      }),
      show: on.jobs.show.handler(({ input }) => {
        called('jobs.show', input);
        const job = script.jobs.find((candidate) => candidate.id === input.id);
        if (!job) throw failure('not-found', 'There is no such job.');
        return { job, events: script.eventsOf(job) };
      }),
    },
    earnings: {
      byDay: on.earnings.byDay.handler(({ input }) => {
        called('earnings.byDay', input);
        return { days: script.days.slice(-input.days) };
      }),
      forecast: on.earnings.forecast.handler(({ input }) => {
        called('earnings.forecast', input);
        return { forecast: script.forecast, scores: script.scores };
      }),
      byModel: on.earnings.byModel.handler(({ input }) => {
        called('earnings.byModel', input);
        return { models: script.byModel };
      }),
      receivables: on.earnings.receivables.handler(({ input }) => {
        called('earnings.receivables', input);
        return { receivables: script.receivables };
      }),
      entries: on.earnings.entries.handler(({ input }) => {
        called('earnings.entries', input);
        const fits = script.entries.filter((entry) => input.kind === undefined || entry.kind === input.kind);
        return { entries: fits.slice(0, input.limit) };
      }),
      settle: on.earnings.settle.handler(({ input }) => {
        called('earnings.settle', input);
        const paid = { claimed: state.money.owed, received: state.money.owed };
        change({ money: { ...state.money, owed: '0', waitingReason: null } });
        return { ...paid, claimTx: `0x${'ab'.repeat(32)}`, settleTx: `0x${'cd'.repeat(32)}` };
      }),
    },
    wallet: {
      refresh: on.wallet.refresh.handler(({ input }) => {
        called('wallet.refresh', input);
        change({ wallet: { ...state.wallet, balanceAtMs: Date.now() } });
        return {};
      }),
      prepareSend: on.wallet.prepareSend.handler(({ input }) => {
        called('wallet.prepareSend', input);
        return prepareSpend(input, state.wallet);
      }),
      requestSend: on.wallet.requestSend.handler(({ input }) => {
        called('wallet.requestSend', input);
        return { ...sentTransaction('mined'), state: 'pending' as const, fee: null, minedAtMs: null };
      }),
      speedUp: on.wallet.speedUp.handler(({ input }) => {
        called('wallet.speedUp', input);
        return sentTransaction('pending');
      }),
      cancel: on.wallet.cancel.handler(({ input }) => {
        called('wallet.cancel', input);
        return { ...sentTransaction('pending'), cancels: true, amount: '0' };
      }),
      history: on.wallet.history.handler(({ input }) => {
        called('wallet.history', input);
        const all = script.jobs.length === 0 ? [] : TRANSACTION_STATES.map((each) => sentTransaction(each));
        return { transactions: all.slice(0, input.limit) };
      }),
    },
    models: {
      download: on.models.download.handler(({ input }) => {
        called('models.download', input);
        changeModel(input.id, {
          state: 'downloading',
          error: null,
          progress: { receivedBytes: 0, totalBytes: 770_000_000, bytesPerSecond: null, source: 'model hub' },
        });
        return {};
      }),
      cancel: on.models.cancel.handler(({ input }) => {
        called('models.cancel', input);
        changeModel(input.id, { state: 'absent', progress: null });
        return {};
      }),
      remove: on.models.remove.handler(({ input }) => {
        called('models.remove', input);
        changeModel(input.id, { state: 'absent', active: false });
        return {};
      }),
      activate: on.models.activate.handler(({ input }) => {
        called('models.activate', input);
        change({
          models: {
            ...state.models,
            models: state.models.models.map((model) => ({ ...model, active: model.id === input.id })),
          },
          work: { ...state.work, model: input.id },
        });
        return {};
      }),
    },
    benchmark: {
      run: on.benchmark.run.handler(({ input }) => {
        called('benchmark.run', input);
        const benchmark = {
          ...state.machine.benchmark,
          state: 'running' as const,
          step: 'decode',
          progress: 0.6,
        };
        change({ machine: { ...state.machine, benchmark } });
        return {};
      }),
      calibrate: on.benchmark.calibrate.handler(({ input }) => {
        called('benchmark.calibrate', input);
        const calibration = { ...state.models.calibration, state: 'running' as const, progress: 0.3 };
        change({ models: { ...state.models, calibration } });
        return {};
      }),
      history: on.benchmark.history.handler(({ input }) => {
        called('benchmark.history', input);
        return { runs: script.benchmarkRuns.slice(0, input.limit) };
      }),
    },
    settings: {
      change: on.settings.change.handler(({ input }) => {
        called('settings.change', input);
        const given = Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined));
        const settings: AgentState['settings'] = { ...state.settings, ...given };
        change({ settings });
        return settings;
      }),
    },
    shell: {
      report: on.shell.report.handler(refuse),
      requests: on.shell.requests.handler(refuse),
      answerGpuProbe: on.shell.answerGpuProbe.handler(refuse),
      failGpuProbe: on.shell.failGpuProbe.handler(refuse),
      suspending: on.shell.suspending.handler(refuse),
      quit: on.shell.quit.handler(refuse),
      pendingSpends: on.shell.pendingSpends.handler(refuse),
      answerSpend: on.shell.answerSpend.handler(refuse),
      revealPhrase: on.shell.revealPhrase.handler(refuse),
      exportKeystore: on.shell.exportKeystore.handler(refuse),
      startBackupDrill: on.shell.startBackupDrill.handler(refuse),
      answerBackupDrill: on.shell.answerBackupDrill.handler(refuse),
      importWallet: on.shell.importWallet.handler(refuse),
      setPayoutAddress: on.shell.setPayoutAddress.handler(refuse),
    },
  });

  function changeModel(id: string, patch: Partial<AgentState['models']['models'][number]>): void {
    const models = state.models.models.map((model) => (model.id === id ? { ...model, ...patch } : model));
    change({ models: { ...state.models, models } });
  }

  const handler = new RPCHandler(router);
  const server = createServer((request, response) => {
    const name = normalize(new URL(request.url ?? '/', 'http://localhost').pathname);
    readFile(join(options.folder ?? PAGES, name === '/' ? 'index.html' : name)).then(
      (body) =>
        response
          .writeHead(200, { 'content-type': TYPES[extname(name) || '.html'] ?? 'text/plain' })
          .end(body),
      () => response.writeHead(404).end('not found'),
    );
  });
  const sockets = new Set<WebSocket>();
  const webSockets = new WebSocketServer({
    server,
    path: API_SOCKET_PATH,
    handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
  });
  let isCut = false;
  webSockets.on('connection', (socket, request) => {
    if (isCut) {
      socket.terminate();
      return;
    }
    const offered = String(request.headers['sec-websocket-protocol'] ?? '').split(/,\s*/);
    if (!offered.includes(TOKEN_PREFIX + token)) {
      socket.close(CLOSE_TOKEN_REFUSED, 'token refused');
      return;
    }
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    void handler.upgrade(socket);
  });
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;

  const cut = () => {
    isCut = true;
    for (const socket of sockets) socket.terminate();
  };
  return {
    url: `http://127.0.0.1:${port}/${TOKEN_FRAGMENT}${token}`,
    port,
    token,
    script,
    calls,
    failNext: (name, code, message) => failures.set(name, failure(code, message)),
    change,
    cut,
    restore: () => {
      isCut = false;
    },
    stop: () =>
      new Promise((resolve) => {
        cut();
        webSockets.close();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** An expected failure as the agent's API sends it: its own code stands in the data. */
function failure(code: ErrorCode, message: string): ORPCError<string, unknown> {
  return new ORPCError('UNPROCESSABLE_CONTENT', { message, data: { code } });
}

function refuse(): never {
  throw failure('not-permitted', 'Only the desktop shell may call this.');
}

function pauseEndMs(until: PauseUntil): number | null {
  const minutes = { '30-minutes': 30, '1-hour': 60, '2-hours': 120, tomorrow: 12 * 60, resume: null }[until];
  return minutes === null ? null : Date.now() + minutes * 60_000;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const argument = (name: string) => {
    const at = process.argv.indexOf(name);
    return at < 0 ? undefined : process.argv[at + 1];
  };
  const scenario = argument('--scenario');
  const fake = await startFakeAgent({
    port: Number(argument('--port') ?? 5199),
    scenario: scenario === 'empty' || scenario === 'unknown' ? scenario : 'busy',
  });
  console.log(fake.url);
}
