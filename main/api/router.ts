/** The API's answers: each procedure of the contract, told by the core. Pages may not act as the shell. */
import { implement, ORPCError } from '@orpc/server';
import { contract } from '../../shared/api/contract.ts';
import { AppError, type ErrorCode } from '../../shared/errors.ts';
import type { PortRole } from '../../shared/host.ts';
import { ZERO } from '../../shared/money.ts';
import type { Benchmark, Predictions } from '../core/benchmark/index.ts';
import type { ForecastService } from '../core/forecast/index.ts';
import type { Jobs } from '../core/jobs/index.ts';
import type { Ledger } from '../core/ledger/index.ts';
import type { ModelStore } from '../core/models/index.ts';
import type { PresenceService } from '../core/presence/index.ts';
import type { SettingsService } from '../core/settings/index.ts';
import type { Confirmations, Secrets, Spending } from '../core/wallet/index.ts';
import type { Settlement } from '../ports/chain.ts';
import { POSTING_KINDS } from '../ports/ledger.ts';
import type { ShellLink } from './shell-link.ts';
import type { StateHub } from './state-hub.ts';

/** What the API answers from. Where a part does not exist in a role, its procedures fail with `unsupported`. */
export interface ApiParts {
  readonly hub: StateHub;
  readonly presence: PresenceService;
  readonly jobs: Jobs;
  readonly ledger: Ledger;
  readonly settings: SettingsService;
  readonly benchmark: Benchmark;
  readonly predictions: Predictions;
  readonly models: ModelStore;
  readonly settlement: Settlement;
  readonly forecasts: ForecastService;
  /** Serves this model from now on. */
  readonly activateModel: (id: string) => Promise<void>;
  readonly refreshBalances: () => Promise<void>;
  readonly spending: Spending;
  readonly confirmations: Confirmations;
  readonly secrets: Secrets;
  readonly shell: ShellLink;
  readonly assetId: string;
  readonly coinId: string;
  readonly quit: () => void;
}

/** Who calls: decided when the connection is made, never by what it says. */
export interface ApiContext {
  readonly role: PortRole;
}

const HTTP_CODES: Partial<Record<ErrorCode, string>> = {
  'bad-request': 'BAD_REQUEST',
  'not-found': 'NOT_FOUND',
  'not-permitted': 'FORBIDDEN',
  busy: 'CONFLICT',
};

export function createRouter(parts: ApiParts) {
  const api = implement(contract)
    .$context<ApiContext>()
    .use(async ({ next }) => {
      try {
        return await next();
      } catch (error) {
        throw toApiError(error);
      }
    });
  const shellOnly = api.shell.use(({ context, next }) => {
    if (context.role !== 'shell') throw new AppError('not-permitted', 'Only the desktop shell may do this.');
    return next();
  });
  const {
    jobs,
    ledger,
    presence,
    models,
    benchmark,
    predictions,
    settlement,
    shell,
    spending,
    confirmations,
    secrets,
  } = parts;

  return api.router({
    state: {
      watch: api.state.watch.handler(({ signal }) => parts.hub.watch(signal)),
    },
    presence: {
      pause: api.presence.pause.handler(({ input }) => presence.pause(input.until)),
      resume: api.presence.resume.handler(() => presence.resume()),
      schedulePreview: api.presence.schedulePreview.handler(() => presence.schedulePreview()),
    },
    jobs: {
      list: api.jobs.list.handler(({ input }) => {
        const page = jobs.list(input);
        return { jobs: [...page.jobs], more: page.more };
      }),
      show: api.jobs.show.handler(({ input }) => {
        const { job, events } = jobs.show(input.id);
        return { job, events: [...events] };
      }),
    },
    earnings: {
      byDay: api.earnings.byDay.handler(({ input }) => ({
        days: ledger.earningsByDay(parts.assetId, parts.coinId, input.days).map((day) => ({
          ...day,
          earned: day.earned.toString(),
          feesCoin: day.feesCoin.toString(),
        })),
      })),
      forecast: api.earnings.forecast.handler(({ input }) => ({
        forecast: parts.forecasts.current(),
        scores: [...parts.forecasts.scores(input.days)],
      })),
      byModel: api.earnings.byModel.handler(({ input }) => ({
        models: ledger
          .earningsByModel(parts.assetId, input.days)
          .map((model) => ({ ...model, earned: model.earned.toString() })),
      })),
      receivables: api.earnings.receivables.handler(() => ({
        receivables: settlement.receivables().map((receivable) => ({
          ...receivable,
          owed: receivable.owed.toString(),
          claimed: receivable.claimed.toString(),
        })),
      })),
      entries: api.earnings.entries.handler(({ input }) => {
        const kind = POSTING_KINDS.find((known) => known === input.kind);
        if (input.kind !== undefined && kind === undefined) {
          throw new AppError('bad-request', `There is no kind of entry named "${input.kind}".`);
        }
        return {
          entries: ledger.entries({ ...(kind && { kind }), limit: input.limit }).map((posting) => ({
            id: posting.key,
            atMs: posting.atMs,
            kind: posting.kind,
            description: posting.description,
            reference: posting.txHash ?? posting.jobId,
            lines: posting.lines.map((line) => ({
              account: line.account,
              assetId: line.assetId,
              amount: line.amount.toString(),
            })),
          })),
        };
      }),
      settle: api.earnings.settle.handler(async () => {
        const { claims, settle } = await settlement.settleNow();
        const claimed = claims
          .flatMap((claim) => claim.channels)
          .reduce((total, channel) => total + channel.amount, 0n);
        return {
          claimed: claimed.toString(),
          received: (settle?.amount ?? ZERO).toString(),
          claimTx: claims[0]?.tx.hash ?? null,
          settleTx: settle?.tx.hash ?? null,
        };
      }),
    },
    wallet: {
      refresh: api.wallet.refresh.handler(async () => {
        await parts.refreshBalances();
        return {};
      }),
      prepareSend: api.wallet.prepareSend.handler(({ input }) => spending.prepare(input)),
      requestSend: api.wallet.requestSend.handler(({ input }) => spending.send(input.id)),
      speedUp: api.wallet.speedUp.handler(({ input }) => spending.speedUp(input.hash)),
      cancel: api.wallet.cancel.handler(({ input }) => spending.cancel(input.hash)),
      history: api.wallet.history.handler(({ input }) => ({
        transactions: [...spending.history(input.limit)],
      })),
    },
    models: {
      download: api.models.download.handler(({ input }) => {
        assertKnown(models, input.id);
        // Progress and failure are shown in the models' own state; the caller does not wait for gigabytes.
        models.ensure(input.id).catch(() => undefined);
        return {};
      }),
      cancel: api.models.cancel.handler(({ input }) => {
        models.cancel(input.id);
        return {};
      }),
      remove: api.models.remove.handler(async ({ input }) => {
        await models.remove(input.id);
        return {};
      }),
      activate: api.models.activate.handler(async ({ input }) => {
        await parts.activateModel(input.id);
        return {};
      }),
    },
    benchmark: {
      run: api.benchmark.run.handler(() => {
        if (benchmark.state().state === 'running') {
          throw new AppError('busy', 'A measurement is running already.');
        }
        benchmark.run().catch(() => undefined);
        return {};
      }),
      calibrate: api.benchmark.calibrate.handler(() => {
        if (predictions.state().state === 'running') {
          throw new AppError('busy', 'The calibration is running already.');
        }
        predictions.calibrate().catch(() => undefined);
        return {};
      }),
      history: api.benchmark.history.handler(({ input }) => ({ runs: benchmark.history(input.limit) })),
    },
    settings: {
      change: api.settings.change.handler(({ input }) => parts.settings.change(input)),
    },
    shell: {
      report: shellOnly.report.handler(({ input }) => {
        presence.report(input);
        return {};
      }),
      requests: shellOnly.requests.handler(({ signal }) => shell.requests(signal)),
      answerGpuProbe: shellOnly.answerGpuProbe.handler(({ input }) => {
        shell.answer(input.id, input.result);
        return {};
      }),
      failGpuProbe: shellOnly.failGpuProbe.handler(({ input }) => {
        shell.fail(input.id, input.message);
        return {};
      }),
      suspending: shellOnly.suspending.handler(async () => {
        await settlement.beforeSleep();
        return {};
      }),
      quit: shellOnly.quit.handler(() => {
        parts.quit();
        return {};
      }),
      pendingSpends: shellOnly.pendingSpends.handler(() => ({ spends: [...confirmations.waiting()] })),
      answerSpend: shellOnly.answerSpend.handler(({ input }) => {
        confirmations.answer(input.id, input.approved);
        return {};
      }),
      revealPhrase: shellOnly.revealPhrase.handler(async ({ input }) => ({
        words: [...(await secrets.revealPhrase(input.passphrase))],
      })),
      exportKeystore: shellOnly.exportKeystore.handler(async ({ input }) => ({
        keystore: await secrets.exportKeystore(input.passphrase, input.exportPassphrase),
      })),
      startBackupDrill: shellOnly.startBackupDrill.handler(async ({ input }) => {
        const { id, positions } = await secrets.startDrill(input.passphrase);
        return { id, positions: [...positions] };
      }),
      answerBackupDrill: shellOnly.answerBackupDrill.handler(({ input }) => ({
        passed: secrets.answerDrill(input.id, input.words),
      })),
      importWallet: shellOnly.importWallet.handler(({ input }) =>
        secrets.importWallet(input.source, input.passphrase),
      ),
      setPayoutAddress: shellOnly.setPayoutAddress.handler(({ input }) => {
        secrets.setPayoutAddress(input.address);
        return {};
      }),
    },
  });
}

function assertKnown(models: ModelStore, id: string): void {
  if (!models.list().some((model) => model.id === id)) {
    throw new AppError('not-found', 'There is no such model in the catalogue.');
  }
}

/** Expected failures keep their code and sentence; anything else is a bug, logged here and hidden there. */
function toApiError(error: unknown): unknown {
  if (error instanceof ORPCError) return error;
  if (error instanceof AppError) {
    return new ORPCError(HTTP_CODES[error.code] ?? 'UNPROCESSABLE_CONTENT', {
      message: error.message,
      data: { code: error.code },
    });
  }
  console.error('idlewatt: a bug in the API:', error);
  return new ORPCError('INTERNAL_SERVER_ERROR', { message: 'Idlewatt made a mistake; its log says more.' });
}
