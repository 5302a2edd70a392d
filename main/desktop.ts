/**
 * The desktop shell: window, tray, autostart, and what only Electron can read of the machine. It holds no
 * money and no network; everything that it shows or steers goes over the API to the agent that it keeps.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { app, Menu, Notification, safeStorage, session } from 'electron';
import type { AgentState } from '../shared/api/state.ts';
import { type AgentHost, refusedHost, startAgentHost } from './desktop/agent-host.ts';
import { type AgentKeeper, keepAgent } from './desktop/agent-keeper.ts';
import { registerAppScheme, serveAppPages } from './desktop/app-protocol.ts';
import { ask, openQuestions } from './desktop/ask.ts';
import { HIDDEN, setStartWithSystem } from './desktop/autostart.ts';
import { confineSession, confineWebContents } from './desktop/confinement.ts';
import { createSpendConfirmer } from './desktop/confirm-spend.ts';
import { probeGpu } from './desktop/gpu-probe.ts';
import { readOwner } from './desktop/readings.ts';
import { firstTime } from './desktop/said-once.ts';
import { openShellLink, type ShellLink } from './desktop/shell-link.ts';
import { exposeForTests } from './desktop/test-view.ts';
import { createTray } from './desktop/tray.ts';
import { type TrayAction, trayView } from './desktop/tray-menu.ts';
import { createWalletSecretStore } from './desktop/wallet-secret.ts';
import { createMainWindow } from './desktop/window.ts';
import { languageFor, say, type Word } from './desktop/words.ts';

const appFolder = app.getAppPath();
const { home, needsSecret, parameters } = readCommandLine(process.argv.slice(1));

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
      case 'pause':
        return void link?.pause(action.until).catch((error: unknown) => log('pause', error));
    }
  };
  const tray = createTray({ appFolder, first: trayView(state, language()), act });
  const show = (next: typeof state) => {
    const before = typeof state === 'object' ? state.settings.startWithSystem : null;
    state = next;
    tray.show(trayView(state, language()));
    if (typeof next === 'object' && next.settings.startWithSystem !== before) {
      setStartWithSystem(next.settings.startWithSystem);
    }
  };

  let keeper: AgentKeeper = startKeeper();
  function startKeeper(): AgentKeeper {
    return keepAgent({
      start: startAgent,
      onReady: () => void linkShell(),
      onLost: () => {
        link?.close();
        link = null;
        if (!stopped) show('starting');
      },
      onGivenUp: (sentence) => {
        show('gone');
        void askAfterGivingUp(sentence);
      },
    });
  }

  function startAgent(): AgentHost {
    const secret = needsSecret ? walletSecret.read() : { passphrase: null };
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

  async function askAfterGivingUp(sentence: string): Promise<void> {
    const pressed = await ask({
      type: 'error',
      message: word(link === null ? 'cannotStart' : 'stoppedWorking'),
      detail: `${sentence}\n${word('moneySafe')}`,
      buttons: [word('tryAgain'), word('quitButton')],
      defaultButton: 0,
      cancelButton: 1,
    });
    if (pressed === 1) return app.quit();
    show('starting');
    keeper = startKeeper();
  }

  const window = createMainWindow({
    appFolder,
    connectPage: () => keeper.connect('page'),
    onHidden: () => {
      if (!firstTime(join(app.getPath('userData'), 'said-once.json'), 'stays-in-tray')) return;
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
  needsSecret: boolean;
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
  // Practice money has a pass phrase of its own beside it, and an owner's own file is taken as it is.
  const practice = values.profile === undefined || values.profile === 'practice';
  const needsSecret = !practice && values['passphrase-file'] === undefined;
  return { home: given ?? null, needsSecret, parameters };
}
