/** Procedures of the desktop shell and the owner's terminal: readings, probes, confirmations and wallet secrets. */
import type { Log } from '../../ports/log.ts';
import { type ApiImplementer, forShellOnly, translated } from '../implementer.ts';
import type { ApiParts } from '../parts.ts';
import { machineShellRoutes } from './machines.ts';
import { served } from './pairing.ts';
import { storefrontShellRoutes } from './storefront.ts';

type ShellParts = Pick<
  ApiParts,
  | 'machines'
  | 'pairing'
  | 'presence'
  | 'readAddress'
  | 'shell'
  | 'settlement'
  | 'confirmations'
  | 'secrets'
  | 'quit'
  | 'storefront'
>;

export function shellRoutes(implementer: ApiImplementer['shell'], parts: ShellParts, log: Log) {
  const { presence, shell, settlement, confirmations, quit } = parts;
  const api = forShellOnly(implementer);
  return {
    report: api.report.handler(({ input }) => {
      presence.report(input);
      return {};
    }),
    describe: api.describe.handler(({ input }) => {
      shell.takeFacts(input);
      return {};
    }),
    openPairingCode: api.openPairingCode.handler(() => {
      const pairing = served(parts.pairing);
      return { ...pairing.startCode(), url: pairing.url };
    }),
    requests: api.requests.handler(({ signal, path }) => translated(shell.requests(signal), path, log)),
    answerGpuProbe: api.answerGpuProbe.handler(({ input }) => {
      shell.answer(input.id, input.result);
      return {};
    }),
    failGpuProbe: api.failGpuProbe.handler(({ input }) => {
      shell.fail(input.id, input.message);
      return {};
    }),
    answerQuestion: api.answerQuestion.handler(({ input }) => {
      shell.answerQuestion(input.id, input.approved);
      return {};
    }),
    answerBackup: api.answerBackup.handler(({ input }) => {
      shell.answerBackup(input.id, input.name, input.problem);
      return {};
    }),
    suspending: api.suspending.handler(async () => {
      await settlement.beforeSleep();
      return {};
    }),
    quit: api.quit.handler(() => {
      quit();
      return {};
    }),
    pendingSpends: api.pendingSpends.handler(() => ({ spends: [...confirmations.waiting()] })),
    answerSpend: api.answerSpend.handler(({ input }) => {
      confirmations.answer(input.id, input.approved);
      return {};
    }),
    ...secretRoutes(api, parts.secrets),
    ...machineShellRoutes(api, parts),
    ...storefrontShellRoutes(api, parts),
  };
}

function secretRoutes(api: ReturnType<typeof forShellOnly>, secrets: ApiParts['secrets']) {
  return {
    revealPhrase: api.revealPhrase.handler(async ({ input }) => ({
      words: [...(await secrets.revealPhrase(input.passphrase))],
    })),
    exportKeystore: api.exportKeystore.handler(async ({ input }) => ({
      keystore: await secrets.exportKeystore(input.passphrase, input.exportPassphrase),
    })),
    startBackupDrill: api.startBackupDrill.handler(async ({ input }) => {
      const { id, positions } = await secrets.startDrill(input.passphrase);
      return { id, positions: [...positions] };
    }),
    answerBackupDrill: api.answerBackupDrill.handler(({ input }) => ({
      passed: secrets.answerDrill(input.id, input.words),
    })),
    importWallet: api.importWallet.handler(({ input }) =>
      secrets.importWallet(input.source, input.passphrase),
    ),
    setPayoutAddress: api.setPayoutAddress.handler(({ input }) => {
      secrets.setPayoutAddress(input.address);
      return {};
    }),
  };
}
