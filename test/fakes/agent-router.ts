/** Answers the whole API contract from the scripted data of the fake agent. */
import { implement, ORPCError } from '@orpc/server';
import { contract } from '../../shared/api/contract.ts';
import type { AgentState } from '../../shared/api/state.ts';
import type { Job } from '../../shared/jobs.ts';
import type { PauseUntil } from '../../shared/presence.ts';
import { hubAnswer } from './agent-hub.ts';
import { machineHandlers } from './agent-machines.ts';
import { ADDED_KEY, type FakeAgentState, failure, fakeKey } from './agent-memory.ts';
import { storefrontHandlers } from './agent-storefront.ts';
import { prepareSpend, sentTransaction, TRANSACTION_STATES } from './agent-wallet.ts';

const on = implement(contract);
export type FakeRouter = ReturnType<typeof routerFor>;

export function routerFor(agent: FakeAgentState) {
  return on.router({
    startup: { watch: on.startup.watch.handler(() => agent.watchStartup()) },
    state: { watch: on.state.watch.handler(({ signal }) => agent.watch(signal)) },
    presence: presenceHandlers(agent),
    jobs: jobHandlers(agent),
    earnings: earningsHandlers(agent),
    batches: batchHandlers(agent),
    buying: buyingHandlers(agent),
    channels: channelHandlers(agent),
    keys: keyHandlers(agent),
    storefront: storefrontHandlers(agent),
    maintenance: maintenanceHandlers(agent),
    wallet: walletHandlers(agent),
    models: modelHandlers(agent),
    engines: engineHandlers(agent),
    horde: {
      setKey: on.horde.setKey.handler(({ input }) => {
        agent.receive('horde.setKey', input);
        agent.change({ horde: { ...agent.state.horde, hasKey: input.key !== null } });
        return {};
      }),
    },
    benchmark: benchmarkHandlers(agent),
    about: {
      read: on.about.read.handler(() => ({
        license: 'MIT',
        home: '/home/ada/.local/share/idlewatt',
        licensesFile: agent.licenses === null ? null : '/opt/Idlewatt/resources/THIRD-PARTY-LICENSES.txt',
      })),
      licenses: on.about.licenses.handler(() => ({ text: agent.licenses ?? '' })),
    },
    updates: {
      check: on.updates.check.handler(({ input }) => {
        agent.receive('updates.check', input);
        return {};
      }),
      install: on.updates.install.handler(({ input }) => {
        agent.receive('updates.install', input);
        return {};
      }),
    },
    libraries: {
      download: on.libraries.download.handler(({ input }) => {
        agent.receive('libraries.download', input);
        return {};
      }),
      cancel: on.libraries.cancel.handler(({ input }) => {
        agent.receive('libraries.cancel', input);
        return {};
      }),
      remove: on.libraries.remove.handler(({ input }) => {
        agent.receive('libraries.remove', input);
        return {};
      }),
    },
    app: {
      chooseNetwork: on.app.chooseNetwork.handler(({ input }) => {
        agent.receive('app.chooseNetwork', input);
        const { app } = agent.state;
        agent.change({ app: { ...app, network: { ...app.network, chosen: input.network } } });
        return { restarts: app.network.restarts };
      }),
      restart: on.app.restart.handler(({ input }) => {
        agent.receive('app.restart', input);
        return {};
      }),
    },
    settings: {
      change: on.settings.change.handler(async ({ input }) => {
        agent.receive('settings.change', input);
        await agent.saving;
        const given = Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined));
        const settings: AgentState['settings'] = { ...agent.state.settings, ...given };
        agent.change({ settings });
        return settings;
      }),
    },
    machines: machineHandlers(agent),
    pairing: {
      list: on.pairing.list.handler(() => ({ browsers: [...agent.browsers] })),
      revoke: on.pairing.revoke.handler(({ input }) => {
        agent.receive('pairing.revoke', input);
        agent.browsers = agent.browsers.filter(({ id }) => id !== input.id);
        return {};
      }),
    },
    shell: shellHandlers(),
  });
}

function batchHandlers(agent: FakeAgentState) {
  return {
    openUpload: on.batches.openUpload.handler(({ input }) => {
      agent.receive('batches.openUpload', input);
      return { id: 'upload' };
    }),
    addPart: on.batches.addPart.handler(({ input }) => {
      agent.receive('batches.addPart', input);
      return {};
    }),
    create: on.batches.create.handler(({ input }) => {
      agent.receive('batches.create', input);
      return { id: 'batch_new' };
    }),
    cancel: on.batches.cancel.handler(({ input }) => {
      agent.receive('batches.cancel', input);
      return {};
    }),
    readPart: on.batches.readPart.handler(({ input }) => {
      agent.receive('batches.readPart', input);
      const content = Buffer.from('{"custom_id":"1"}\n');
      return { base64: content.toString('base64'), bytes: content.length, name: 'results.jsonl' };
    }),
  };
}

function presenceHandlers(agent: FakeAgentState) {
  return {
    pause: on.presence.pause.handler(({ input }) => {
      agent.receive('presence.pause', input);
      return agent.setPresence({
        decision: 'pause',
        reason: 'paused-by-owner',
        sinceMs: agent.now(),
        untilMs: pauseEndMs(input.until, agent.now()),
      });
    }),
    resume: on.presence.resume.handler(({ input }) => {
      agent.receive('presence.resume', input);
      return agent.setPresence({ decision: 'run', reason: 'idle', sinceMs: agent.now(), untilMs: null });
    }),
    startNow: on.presence.startNow.handler(({ input }) => {
      agent.receive('presence.startNow', input);
      const nowMs = agent.now();
      const hours = { '1-hour': 1, '4-hours': 4, '8-hours': 8, tomorrow: 20 }[input.for];
      const untilMs = nowMs + hours * 3_600_000;
      return agent.setPresence({ decision: 'run', reason: 'started-by-owner', sinceMs: nowMs, untilMs });
    }),
    endStart: on.presence.endStart.handler(({ input }) => {
      agent.receive('presence.endStart', input);
      const nowMs = agent.now();
      return agent.setPresence({
        decision: 'pause',
        reason: 'owner-active',
        sinceMs: nowMs,
        untilMs: nowMs + 300_000,
      });
    }),
    schedulePreview: on.presence.schedulePreview.handler(({ input }) => {
      agent.receive('presence.schedulePreview', input);
      return agent.script.schedulePreview;
    }),
  };
}

function jobHandlers(agent: FakeAgentState) {
  return {
    list: on.jobs.list.handler(({ input }) => {
      agent.receive('jobs.list', input);
      const isBad = (job: Job) => ['failed', 'aborted', 'refused'].includes(job.state);
      const fits = agent.script.jobs.filter(
        (job) =>
          (input.side === undefined || job.side === input.side) &&
          (input.beforeMs === undefined || job.createdAtMs < input.beforeMs) &&
          (input.model === undefined || job.model === input.model) &&
          (!input.search ||
            `${job.id} ${job.model} ${job.peer}`.toLowerCase().includes(input.search.toLowerCase())) &&
          (input.outcome === 'all' || (input.outcome === 'failed') === isBad(job)),
      );
      return { jobs: fits.slice(0, input.limit), more: fits.length > input.limit };
    }),
    show: on.jobs.show.handler(({ input }) => {
      agent.receive('jobs.show', input);
      const job = agent.script.jobs.find((candidate) => candidate.id === input.id);
      if (!job) throw failure('not-found', `Job "${input.id}" not found.`);
      return {
        job,
        events: agent.script.eventsOf(job),
        device: job.side === 'sold' ? 'NVIDIA RTX 4070' : null,
        energy: agent.script.energyOf(job),
        speed: agent.script.speedOf(job),
        check: agent.script.checkOf(job),
      };
    }),
  };
}

function earningsHandlers(agent: FakeAgentState) {
  const { script } = agent;
  return {
    today: on.earnings.today.handler(({ input }) => {
      agent.receive('earnings.today', input);
      return { hours: [...script.today], rest: script.rest };
    }),
    byDay: on.earnings.byDay.handler(({ input }) => {
      agent.receive('earnings.byDay', input);
      return { days: script.days.slice(-input.days) };
    }),
    forecast: on.earnings.forecast.handler(({ input }) => {
      agent.receive('earnings.forecast', input);
      return { forecast: script.forecast, scores: script.scores };
    }),
    byModel: on.earnings.byModel.handler(({ input }) => {
      agent.receive('earnings.byModel', input);
      return { models: script.byModel };
    }),
    byNetwork: on.earnings.byNetwork.handler(({ input }) => {
      agent.receive('earnings.byNetwork', input);
      return script.byNetwork;
    }),
    overview: on.earnings.overview.handler(({ input }) => {
      agent.receive('earnings.overview', input);
      return script.overview(input.period);
    }),
    coming: on.earnings.coming.handler(({ input }) => {
      agent.receive('earnings.coming', input);
      return { coming: script.coming(input.days) };
    }),
    export: on.earnings.export.handler(async function* ({ input }) {
      agent.receive('earnings.export', input);
      yield 'time,day\r\n';
      yield '2026-11-23T12:00:00.000Z,2026-11-23\r\n';
    }),
    receivables: on.earnings.receivables.handler(({ input }) => {
      agent.receive('earnings.receivables', input);
      return { receivables: script.receivables };
    }),
    entries: on.earnings.entries.handler(({ input }) => {
      agent.receive('earnings.entries', input);
      const fits = script.entries.filter((entry) => input.kind === undefined || entry.kind === input.kind);
      return { entries: fits.slice(0, input.limit) };
    }),
    settle: on.earnings.settle.handler(({ input }) => {
      agent.receive('earnings.settle', input);
      const { money } = agent.state;
      agent.change({ money: { ...money, owed: '0', waitingReason: null } });
      return {
        claimed: money.owed,
        received: money.owed,
        claimTx: `0x${'ab'.repeat(32)}`,
        settleTx: `0x${'cd'.repeat(32)}`,
      };
    }),
  };
}

function buyingHandlers(agent: FakeAgentState) {
  return {
    overview: on.buying.overview.handler(({ input }) => {
      agent.receive('buying.overview', input);
      return agent.script.buying;
    }),
  };
}

function channelHandlers(agent: FakeAgentState) {
  return {
    list: on.channels.list.handler(({ input }) => {
      agent.receive('channels.list', input);
      return { channels: [...agent.channels] };
    }),
    refund: on.channels.refund.handler(({ input }) => {
      agent.receive('channels.refund', input);
      agent.channels = agent.channels.filter(({ channelId }) => channelId !== input.channelId);
      return {};
    }),
    withdraw: on.channels.withdraw.handler(({ input }) => {
      agent.receive('channels.withdraw', input);
      return { state: 'started' as const, readyAtMs: 1_800_000_000_000 };
    }),
  };
}

function keyHandlers(agent: FakeAgentState) {
  return {
    list: on.keys.list.handler(({ input }) => {
      agent.receive('keys.list', input);
      return { keys: [...agent.keys] };
    }),
    add: on.keys.add.handler(({ input }) => {
      agent.receive('keys.add', input);
      const key = { ...fakeKey(input), id: `${agent.keys.length}`.repeat(16) };
      agent.keys = [...agent.keys, key];
      return { key, secret: ADDED_KEY };
    }),
    change: on.keys.change.handler(({ input }) => {
      agent.receive('keys.change', input);
      const before = agent.keys.find(({ id }) => id === input.id);
      if (!before) throw new ORPCError('NOT_FOUND');
      const key = { ...before, ...input.limits };
      agent.keys = agent.keys.map((each) => (each === before ? key : each));
      return { key };
    }),
    revoke: on.keys.revoke.handler(({ input }) => {
      agent.receive('keys.revoke', input);
      agent.keys = agent.keys.filter(({ id }) => id !== input.id);
      return {};
    }),
  };
}

function maintenanceHandlers(agent: FakeAgentState) {
  const kept = (folder: string, ending: string) => ({
    path: `/home/ada/.idlewatt/${folder}/idlewatt-20261123-120000${ending}`,
    atMs: Date.UTC(2026, 10, 23, 12),
    bytes: 18_000_000,
  });
  return {
    list: on.maintenance.list.handler(({ input }) => {
      agent.receive('maintenance.list', input);
      const hasBackup = agent.script.jobs.length > 0;
      return {
        backups: hasBackup ? [kept('backups', '.tar.gz')] : [],
        reports: [],
        backupFolder: '/home/ada/.idlewatt/backups',
        lastRestore: agent.lastRestore,
      };
    }),
    addBackup: on.maintenance.addBackup.handler(({ input }) => {
      agent.receive('maintenance.addBackup', input);
      return { name: null };
    }),
    inspectBackup: on.maintenance.inspectBackup.handler(({ input }) => {
      agent.receive('maintenance.inspectBackup', input);
      return agent.backupFacts;
    }),
    restore: on.maintenance.restore.handler(({ input }) => {
      agent.receive('maintenance.restore', input);
      return { restarts: agent.state.app.host === 'desktop' };
    }),
    backup: on.maintenance.backup.handler(({ input }) => {
      agent.receive('maintenance.backup', input);
      return kept('backups', '.tar.gz');
    }),
    report: on.maintenance.report.handler(({ input }) => {
      agent.receive('maintenance.report', input);
      return kept('reports', '.zip');
    }),
  };
}

function walletHandlers(agent: FakeAgentState) {
  return {
    refresh: on.wallet.refresh.handler(({ input }) => {
      agent.receive('wallet.refresh', input);
      agent.change({ wallet: { ...agent.state.wallet, balanceAtMs: agent.now() } });
      return {};
    }),
    prepareSend: on.wallet.prepareSend.handler(({ input }) => {
      agent.receive('wallet.prepareSend', input);
      return prepareSpend(input, agent.state.wallet, agent.now());
    }),
    requestSend: on.wallet.requestSend.handler(({ input }) => {
      agent.receive('wallet.requestSend', input);
      return {
        ...sentTransaction('mined', agent.now()),
        state: 'pending' as const,
        fee: null,
        minedAtMs: null,
      };
    }),
    speedUp: on.wallet.speedUp.handler(({ input }) => {
      agent.receive('wallet.speedUp', input);
      return sentTransaction('pending', agent.now());
    }),
    cancel: on.wallet.cancel.handler(({ input }) => {
      agent.receive('wallet.cancel', input);
      return { ...sentTransaction('pending', agent.now()), cancels: true, amount: '0' };
    }),
    history: on.wallet.history.handler(({ input }) => {
      agent.receive('wallet.history', input);
      const all =
        agent.script.jobs.length === 0
          ? []
          : TRANSACTION_STATES.map((each) => sentTransaction(each, agent.now()));
      return { transactions: all.slice(0, input.limit) };
    }),
  };
}

function engineHandlers(agent: FakeAgentState) {
  return {
    search: on.engines.search.handler(({ input }) => {
      agent.receive('engines.search', input);
      const url = 'http://127.0.0.1:8080';
      const isAdded = agent.state.models.engineServers.some((server) => server.url === url);
      const found = { url, kind: 'llama-server' as const, version: 'b9000', models: 1, needsKey: false };
      return { found: isAdded ? [] : [found] };
    }),
    add: on.engines.add.handler(({ input }) => {
      agent.receive('engines.add', input);
      const { models } = agent.state;
      const [like] = models.engineServers;
      const { hostname } = new URL(input.url);
      const added = {
        ...{ id: 'llama-server', kind: 'llama-server' as const, url: input.url, address: hostname },
        ...{ hasKey: input.key !== null, isHere: hostname === '127.0.0.1', canUnload: false },
        ...{ state: 'reachable' as const, version: 'b9000', models: [] },
      };
      agent.change({ models: { ...models, engineServers: like ? [like, added] : [added] } });
      return { id: added.id };
    }),
    remove: on.engines.remove.handler(({ input }) => {
      agent.receive('engines.remove', input);
      const { models } = agent.state;
      const engineServers = models.engineServers.filter(({ id }) => id !== input.id);
      agent.change({ models: { ...models, engineServers } });
      return {};
    }),
    serve: on.engines.serve.handler(({ input }) => {
      agent.receive('engines.serve', input);
      return {};
    }),
  };
}

function modelHandlers(agent: FakeAgentState) {
  return {
    download: on.models.download.handler(({ input }) => {
      agent.receive('models.download', input);
      agent.changeModel(input.id, {
        state: 'downloading',
        error: null,
        progress: { receivedBytes: 0, totalBytes: 770_000_000, bytesPerSecond: null, source: 'model hub' },
      });
      return {};
    }),
    cancel: on.models.cancel.handler(({ input }) => {
      agent.receive('models.cancel', input);
      agent.changeModel(input.id, { state: 'absent', progress: null });
      return {};
    }),
    remove: on.models.remove.handler(({ input }) => {
      agent.receive('models.remove', input);
      agent.changeModel(input.id, { state: 'absent', active: false });
      return {};
    }),
    findOwn: on.models.findOwn.handler(({ input }) => {
      agent.receive('models.findOwn', input);
      return {
        folder: '/home/ada/.idlewatt/models/own',
        found: 1,
        refused: [{ fileName: 'notes.gguf', problem: 'vocabulary-only' as const, detail: '' }],
      };
    }),
    lookUpLink: on.models.lookUpLink.handler(({ input }) => {
      agent.receive('models.lookUpLink', input);
      return hubAnswer(input.link);
    }),
    addByLink: on.models.addByLink.handler(({ input }) => {
      agent.receive('models.addByLink', input);
      return { id: 'link-alpha-q4-k-m-7a7a7a7a7a7a' };
    }),
    incomes: on.models.incomes.handler(({ input }) => {
      agent.receive('models.incomes', input);
      return { incomes: agent.script.incomes };
    }),
    serveFurther: on.models.serveFurther.handler(({ input }) => {
      agent.receive('models.serveFurther', input);
      const { models } = agent.state;
      agent.change({
        models: {
          ...models,
          models: models.models.map((model) =>
            model.id === input.id ? { ...model, further: input.isOn } : model,
          ),
        },
      });
      return {};
    }),
    activate: on.models.activate.handler(({ input }) => {
      agent.receive('models.activate', input);
      const { models, work } = agent.state;
      agent.change({
        models: {
          ...models,
          models: models.models.map((model) => ({ ...model, active: model.id === input.id })),
        },
        work: { ...work, model: input.id },
      });
      return {};
    }),
  };
}

function benchmarkHandlers(agent: FakeAgentState) {
  return {
    run: on.benchmark.run.handler(({ input }) => {
      agent.receive('benchmark.run', input);
      const { machine } = agent.state;
      const running = { state: 'running' as const, step: 'decode', progress: 0.6 };
      agent.change({ machine: { ...machine, benchmark: { ...machine.benchmark, ...running } } });
      return {};
    }),
    calibrate: on.benchmark.calibrate.handler(({ input }) => {
      agent.receive('benchmark.calibrate', input);
      const { models } = agent.state;
      const running = { state: 'running' as const, progress: 0.3 };
      agent.change({ models: { ...models, calibration: { ...models.calibration, ...running } } });
      return {};
    }),
    history: on.benchmark.history.handler(({ input }) => {
      agent.receive('benchmark.history', input);
      return { runs: agent.script.benchmarkRuns.slice(0, input.limit) };
    }),
  };
}

function shellHandlers() {
  return {
    report: on.shell.report.handler(refuse),
    describe: on.shell.describe.handler(refuse),
    openPairingCode: on.shell.openPairingCode.handler(refuse),
    requests: on.shell.requests.handler(refuse),
    answerGpuProbe: on.shell.answerGpuProbe.handler(refuse),
    failGpuProbe: on.shell.failGpuProbe.handler(refuse),
    answerBackup: on.shell.answerBackup.handler(refuse),
    suspending: on.shell.suspending.handler(refuse),
    quit: on.shell.quit.handler(refuse),
    pendingSpends: on.shell.pendingSpends.handler(refuse),
    answerSpend: on.shell.answerSpend.handler(refuse),
    customerCredit: on.shell.customerCredit.handler(refuse),
    customerPaidBack: on.shell.customerPaidBack.handler(refuse),
    revealPhrase: on.shell.revealPhrase.handler(refuse),
    exportKeystore: on.shell.exportKeystore.handler(refuse),
    startBackupDrill: on.shell.startBackupDrill.handler(refuse),
    answerBackupDrill: on.shell.answerBackupDrill.handler(refuse),
    importWallet: on.shell.importWallet.handler(refuse),
    setPayoutAddress: on.shell.setPayoutAddress.handler(refuse),
    setPayoutForAll: on.shell.setPayoutForAll.handler(refuse),
    inviteOwner: on.shell.inviteOwner.handler(refuse),
    removeMachine: on.shell.removeMachine.handler(refuse),
    leaveMachines: on.shell.leaveMachines.handler(refuse),
    answerQuestion: on.shell.answerQuestion.handler(refuse),
  };
}

function refuse(): never {
  throw failure('not-permitted', 'Only the desktop shell may call this.');
}

function pauseEndMs(until: PauseUntil, nowMs: number): number | null {
  const minutes = { '30-minutes': 30, '1-hour': 60, '2-hours': 120, tomorrow: 12 * 60, resume: null }[until];
  return minutes === null ? null : nowMs + minutes * 60_000;
}
