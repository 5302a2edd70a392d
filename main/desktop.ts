/**
 * The desktop shell: window, tray, autostart, and what only Electron can read of the machine. It holds no
 * money and no network; everything that it shows or steers goes over the API to the agent that it keeps.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { app, Menu, Notification, safeStorage, session } from 'electron';
import type { AgentState } from '../shared/api/state.ts';
import { HAND_BACK_PAUSE, handBackKeyDoes } from '../shared/hot-key.ts';
import { type AgentHost, refusedHost, startAgentHost } from './desktop/agent-host.ts';
import { type AgentSupervisor, superviseAgent } from './desktop/agent-supervisor.ts';
import { registerAppScheme, serveAppPages } from './desktop/app-protocol.ts';
import { ask, openQuestions } from './desktop/ask.ts';
import { HIDDEN, setStartWithSystem } from './desktop/autostart.ts';
import { confineSession, confineWebContents } from './desktop/confinement.ts';
import { createSpendConfirmer } from './desktop/confirm-spend.ts';
import { probeGpu } from './desktop/gpu-probe.ts';
import { createHotKey } from './desktop/hot-key.ts';
import { onSuspend, readOwner } from './desktop/readings.ts';
import { answerSecret } from './desktop/secret-handlers.ts';
import { createSecretWindow } from './desktop/secret-window.ts';
import { firstTime } from './desktop/seen-notices.ts';
import { openShellLink, type ShellLink } from './desktop/shell-link.ts';
import { exposeForTests } from './desktop/test-view.ts';
import { createTray } from './desktop/tray.ts';
import { type TrayAction, trayView } from './desktop/tray-menu.ts';
import { createWalletSecretStore, findPassphrase, type PassphraseSource } from './desktop/wallet-secret.ts';
import { createMainWindow } from './desktop/window.ts';
import { languageFor, say, type Word } from './desktop/words.ts';

const appFolder = app.getAppPath();
const { home, passphraseFrom, parameters } = readCommandLine(process.argv.slice(1));

app.setName('Idlewatt');
// With a home of its own the whole app has one: two homes are two apps.
if (home !== null) app.setPath('userData', join(home, 'desktop'));
registerAppScheme();
confineWebContents();
if (process.env.IDLEWATT_TEST !== '1') Menu.setApplicationMenu(null);

if (app.requestSingleInstanceLock()) void app.whenReady().then(run);
else app.quit();

function run(): void {
  confineSession(session.defaultSession);
  serveAppPages(session.defaultSession, join(appFolder, 'dist/renderer'));

  let state: AgentState | 'starting' | 'gone' = 'starting';
  let link: ShellLink | null = null;
  let stopped = false;
  let agentHome: string | null = null;
  /** A pass phrase that the owner typed, until the wallet opens with it or does not. */
  let typed: string | null = null;
  const walletSecret = createWalletSecretStore({
    file: join(app.getPath('userData'), 'wallet-secret'),
    keychain: safeStorage,
    platform: process.platform,
  });
  const language = () =>
    languageFor(typeof state === 'object' ? state.settings.language : 'system', app.getLocale());
  const word = (name: Word) => say(language(), name);

  const act = (action: TrayAction) => {
    switch (action.type) {
      case 'open':
        return window.show();
      case 'quit':
        return app.quit();
      case 'resume':
        return void link?.resume().catch((error: unknown) => log('resume', error));
      case 'secret':
        return secretWindow.open(action.task);
      case 'pause':
        return void link?.pause(action.until).catch((error: unknown) => log('pause', error));
      case 'change':
        return void link?.change(action.patch).catch((error: unknown) => log('change', error));
    }
  };
  const tray = createTray({ appFolder, first: trayView(state, language()), act });
  const hotKey = createHotKey({
    press: () => {
      if (typeof state !== 'object') return;
      const resumes = handBackKeyDoes(state.work) === 'resume';
      act(resumes ? { type: 'resume' } : { type: 'pause', until: HAND_BACK_PAUSE });
    },
    onTaken: () => log('hot key', 'another program has it'),
  });
  const show = (next: typeof state) => {
    const before = typeof state === 'object' ? state.settings.startWithSystem : null;
    state = next;
    tray.show(trayView(state, language()));
    if (typeof next === 'object') hotKey.want(next.settings.handBackKey);
    if (typeof next === 'object' && next.settings.startWithSystem !== before) {
      setStartWithSystem(next.settings.startWithSystem);
    }
  };

  let keeper: AgentSupervisor = startKeeper();
  function startKeeper(): AgentSupervisor {
    return superviseAgent({
      start: startAgent,
      onReady: (ready) => {
        agentHome = ready.home;
        // It opened the wallet, so it is the right one.
        if (typed !== null) walletSecret.keep(typed);
        typed = null;
        void linkShell();
      },
      onLost: () => {
        link?.close();
        link = null;
        if (!stopped) show('starting');
      },
      onGivenUp: (sentence, code) => {
        typed = null;
        show('gone');
        void askAfterGivingUp(sentence, code === 'keystore-locked' && passphraseFrom === 'keychain');
      },
    });
  }

  function startAgent(): AgentHost {
    const secret =
      passphraseFrom !== 'keychain' || typed !== null ? { passphrase: typed } : walletSecret.read();
    if ('refused' in secret) {
      return refusedHost(
        word(secret.refused === 'no-keychain' ? 'noKeychain' : 'keychainUnreadable'),
        secret.refused === 'no-keychain' ? 'unsupported' : 'keystore-locked',
      );
    }
    const { passphrase } = secret;
    const onOutput = (text: string) => void process.stderr.write(text);
    return startAgentHost({ appFolder, parameters, passphrase, onOutput });
  }

  async function linkShell(): Promise<void> {
    const port = await keeper.connect('shell');
    if (!port) return;
    link = openShellLink({
      port,
      onState: show,
      readOwner,
      onSuspend,
      probeGpu: () => probeGpu(appFolder),
      confirmSpend: spends.confirm,
      onTrouble: log,
    });
  }

  const spends = createSpendConfirmer({
    language,
    now: Date.now,
    ask: (question, signal) => ask(question, { parent: window.onScreen(), signal }),
  });

  /** Where a pass phrase that the owner types may help, it is offered first. */
  async function askAfterGivingUp(sentence: string, mayType: boolean): Promise<void> {
    const ways = [...(mayType ? (['typePassphrase'] as const) : []), 'tryAgain', 'quitButton'] as const;
    const pressed = await ask({
      type: 'error',
      message: word(link === null ? 'cannotStart' : 'stoppedWorking'),
      detail: `${sentence}\n${word('moneySafe')}`,
      buttons: ways.map(word),
      defaultButton: 0,
      cancelButton: ways.length - 1,
    });
    if (ways[pressed] === 'typePassphrase') {
      secretWindow.open('unlock');
      await unlockClosed();
      if (typed === null) return askAfterGivingUp(sentence, mayType);
    } else if (ways[pressed] !== 'tryAgain') return app.quit();
    show('starting');
    keeper = startKeeper();
  }

  async function restartAgent(): Promise<void> {
    link?.close();
    link = null;
    show('starting');
    await keeper.stop();
    if (!stopped) keeper = startKeeper();
  }

  let tellUnlockClosed = () => {};
  const unlockClosed = () =>
    new Promise<void>((resolve) => {
      tellUnlockClosed = resolve;
    });
  const secretWindow = createSecretWindow({
    appFolder,
    language,
    answer: (request, shown) =>
      answerSecret(request, shown, {
        calls: () => link?.secrets ?? null,
        passphrase: () => findPassphrase(passphraseFrom, { walletSecret, agentHome }),
        onImported: () => void restartAgent(),
        unlock: (passphrase) => {
          typed = passphrase;
        },
        suggestedFile: 'idlewatt-wallet.json',
      }),
    onClosed: (task) => {
      if (task === 'unlock') tellUnlockClosed();
    },
  });

  const window = createMainWindow({
    appFolder,
    connectPage: () => keeper.connect('page'),
    openSecret: (task) => secretWindow.open(task),
    onHidden: () => {
      if (!firstTime(join(app.getPath('userData'), 'seen-notices.json'), 'stays-in-tray')) return;
      new Notification({ title: word('staysTitle'), body: word('staysText'), silent: true }).show();
    },
  });
  if (!process.argv.includes(HIDDEN)) window.show();

  app.on('second-instance', () => window.show());
  app.on('activate', () => window.show());
  app.on('window-all-closed', () => {
    // Stays in the tray: only Quit quits.
  });
  app.on('before-quit', (event) => {
    window.allowClose();
    if (stopped) return;
    event.preventDefault();
    stopped = true;
    secretWindow.close();
    link?.close();
    void keeper.stop().finally(() => app.exit(0));
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => app.quit());
  exposeForTests({
    tray: () => tray.current(),
    agentPid: () => keeper.pid(),
    windowVisible: () => window.visible(),
    questions: openQuestions,
  });
}

function log(what: string, error: unknown): void {
  process.stderr.write(`idlewatt: ${what}: ${error instanceof Error ? error.message : String(error)}\n`);
}

/** The agent's own options are passed on to it; Chromium's are left where they are. */
function readCommandLine(argv: readonly string[]): {
  home: string | null;
  passphraseFrom: PassphraseSource;
  parameters: string[];
} {
  const { values } = parseArgs({
    args: [...argv],
    strict: false,
    options: {
      home: { type: 'string' },
      profile: { type: 'string' },
      'gateway-port': { type: 'string' },
      'passphrase-file': { type: 'string' },
      rpc: { type: 'string' },
      connect: { type: 'string', multiple: true },
      'quiet-requester': { type: 'boolean' },
    },
  });
  const parameters: string[] = [];
  const pass = (name: string, value: unknown) => {
    if (typeof value === 'string') parameters.push(`--${name}`, value);
    if (value === true) parameters.push(`--${name}`);
  };
  for (const name of ['home', 'profile', 'gateway-port', 'passphrase-file', 'rpc'] as const)
    pass(name, values[name]);
  for (const address of Array.isArray(values.connect) ? values.connect : []) pass('connect', address);
  pass('quiet-requester', values['quiet-requester']);
  const given = typeof values.home === 'string' ? values.home : process.env.IDLEWATT_HOME;
  const practice = values.profile === undefined || values.profile === 'practice';
  const file = values['passphrase-file'];
  const passphraseFrom = practice ? 'practice' : typeof file === 'string' ? { file } : 'keychain';
  return { home: given ?? null, passphraseFrom, parameters };
}
