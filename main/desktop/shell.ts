/** Composes the shell of state, agent, windows, tray, hot key and autostart, and connects them. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { app, type BrowserWindow, Menu, Notification, safeStorage } from 'electron';
import { assertNever, forceUnwrap } from '../../shared/assert.ts';
import { HAND_BACK_PAUSE, handBackKeyDoes } from '../../shared/hot-key.ts';
import type { Log } from '../../shared/log.ts';
import { isNetworkGiven } from '../../shared/network-choice.ts';
import type { OwnerNotification } from '../../shared/notification.ts';
import type { AutostartObstacle } from '../../shared/shell-facts.ts';
import type { StartupStep } from '../../shared/startup.ts';
import { type Language, text } from '../../shared/strings/index.ts';
import { logChildOutput } from '../adapters/node/index.ts';
import { homePaths } from '../ports/data-folder.ts';
import { networkFolder, readNetworkChoice, writeNetworkChoice } from '../ports/network-choice.ts';
import { type AgentHost, type AgentRefusal, refusedHost, startAgentHost } from './agent-host.ts';
import { recover } from './agent-recovery.ts';
import { type AgentFailure, AgentSession } from './agent-session.ts';
import { applicationMenu } from './application-menu.ts';
import { ask, openQuestions, type Question } from './ask.ts';
import { setStartWithSystem } from './autostart.ts';
import { chooseBackup } from './choose-backup.ts';
import { createConfirmer, ownerQuestion } from './confirm.ts';
import { createSpendConfirmer } from './confirm-spend.ts';
import { probeGpu } from './gpu-probe.ts';
import { readHomepage } from './homepage.ts';
import { createHotKey, type HotKey } from './hot-key.ts';
import { type LaunchOptions, passphraseSource } from './launch-options.ts';
import { notificationText } from './notification-text.ts';
import { OWN_FILES } from './own-folder.ts';
import { pageQuestion } from './page-question.ts';
import type { PagesWindowPlace } from './pages-window.ts';
import { payoutQuestion } from './payout-question.ts';
import { onSuspend, readOwner } from './readings.ts';
import { relaunch } from './relaunch.ts';
import { answerSecret } from './secret-handlers.ts';
import { createSecretWindow, type SecretWindow } from './secret-window.ts';
import { firstTime } from './seen-notices.ts';
import { openShellLink } from './shell-link.ts';
import { ShellState } from './shell-state.ts';
import { StartupView } from './startup-view.ts';
import { exposeForTests } from './test-view.ts';
import { createTray, type TrayIconOnScreen } from './tray.ts';
import { type TrayAction, trayView } from './tray-menu.ts';
import { createWalletSecretStore } from './wallet-secret.ts';
import { WalletUnlock } from './wallet-unlock.ts';
import { createMainWindow, type MainWindow } from './window.ts';

export interface ShellOptions {
  readonly place: PagesWindowPlace;
  /** Already open and waiting for its page; null where the app starts hidden. */
  readonly firstWindow: BrowserWindow | null;
  readonly launch: LaunchOptions;
  /** The data folder as the owner names it, absolute. */
  readonly home: string;
  readonly log: Log;
}

/** Call once the app is ready. */
export class Shell {
  readonly #options: ShellOptions;
  readonly #log: Log;
  readonly #state: ShellState;
  readonly #startup: StartupView;
  readonly #unlock: WalletUnlock;
  readonly #agent: AgentSession;
  readonly #secretWindow: SecretWindow;
  readonly #window: MainWindow;
  #tray: TrayIconOnScreen | null = null;
  readonly #hotKey: HotKey;
  readonly #notifications = new Set<Notification>();
  #menuLanguage: Language | null = null;
  #autostartObstacle: AutostartObstacle | null = null;

  constructor(options: ShellOptions) {
    const { launch, log } = options;
    this.#options = options;
    this.#log = log;
    this.#state = new ShellState(() => app.getLocale());
    this.#startup = new StartupView({ now: Date.now, show: (startup) => this.#window.tell(startup) });
    this.#unlock = new WalletUnlock({
      source: () => passphraseSource(launch, readNetworkChoice(options.home)),
      store: createWalletSecretStore({
        file: join(app.getPath('userData'), OWN_FILES.walletSecret),
        keychain: safeStorage,
        platform: process.platform,
      }),
    });
    this.#agent = this.#createAgent();
    this.#secretWindow = this.#createSecretWindow();
    this.#window = createMainWindow({
      first: options.firstWindow,
      place: options.place,
      log: log.child('window'),
      startup: () => this.#startup.current,
      connectPage: () => this.#agent.connectPage(),
      onPageGivenUp: (parent, reason, decide) => void this.#askAboutPage(parent, reason).then(decide),
      openSecret: (task) => this.#secretWindow.open(task),
      onHidden: () => this.#notifyOnceThatItStays(),
    });
    this.#hotKey = createHotKey({
      press: () => this.#pressHotKey(),
      onTaken: () => log.warn('The hot key is in use by another program.'),
    });
  }

  /** Shows the window, unless it was started hidden, and starts the agent. */
  start(): void {
    exposeForTests({
      tray: () => forceUnwrap('the tray of a started shell', this.#tray).current(),
      agentPid: () => this.#agent.pid,
      windowVisible: () => this.#window.visible(),
      questions: openQuestions,
    });
    // First, because it is what the owner waits for.
    if (!this.#options.launch.values.hidden) this.#window.show();
    this.#tray = this.#createTray();
    this.#followState();
    this.#showMenu();
    // Both need the processor.
    this.#agent.start(this.#window.settled());
    this.#followApp();
  }

  /** Stops the agent and closes the windows, without quitting the app. */
  async close(): Promise<void> {
    this.#window.allowClose();
    this.#secretWindow.close();
    await this.#agent.stop();
  }

  #createTray(): TrayIconOnScreen {
    return createTray({
      appFolder: this.#options.place.appFolder,
      first: trayView(this.#state.current, this.#state.language),
      act: (action) => this.#act(action),
    });
  }

  #createAgent(): AgentSession {
    const askOwner = (question: Question, signal: AbortSignal) =>
      ask(question, { parent: this.#window.onScreen(), signal });
    const asking = { language: () => this.#state.language, ask: askOwner };
    const spends = createSpendConfirmer({ ...asking, now: Date.now });
    return new AgentSession({
      startHost: () => this.#startHost(),
      openLink: (port) =>
        openShellLink({
          port,
          onState: (state) => this.#state.show(state),
          readOwner,
          onSuspend,
          probeGpu: () => probeGpu(this.#options.place.appFolder),
          confirmSpend: spends.confirm,
          confirmPayout: createConfirmer({ ...asking, question: payoutQuestion }),
          confirm: createConfirmer({ ...asking, question: ownerQuestion }),
          chooseBackup: (folder) => chooseBackup(folder, this.#window.onScreen()),
          facts: () => ({
            autostartObstacle: this.#autostartObstacle,
            hasKeychain: this.#unlock.hasKeychain,
            homepage: readHomepage(this.#options.place.appFolder),
          }),
          notify: (notification) => this.#notify(notification),
          restart: () => void this.#agent.restart(),
          relaunch,
          onTrouble: (call, error) => void this.#log.error(`The call "${call}" failed.`, error),
        }),
      onReady: ({ home }) => {
        this.#unlock.accepted(home);
        this.#startup.serving();
      },
      onStarting: (again) => {
        this.#state.show('starting');
        this.#startup.starting(again);
      },
      onGivenUp: (failure) => void this.#recover(failure),
    });
  }

  #startHost(): AgentHost {
    const { launch, place } = this.#options;
    const secret = this.#unlock.forStart();
    if ('refused' in secret) return refusedHost(this.#walletRefusal(secret.refused));
    const host = {
      appFolder: place.appFolder,
      parameters: launch.agentParameters,
      passphrase: secret.passphrase,
      onStep: (step: StartupStep) => this.#startup.step(step),
      onStderr: (stream: NodeJS.ReadableStream) => logChildOutput({ stream, log: this.#log.child('agent') }),
    };
    return startAgentHost(host, (cause) => {
      this.#log.warn('The agent’s process could not be started', { cause });
      return { message: text(this.#state.language, 'dialog.noProcess', { cause }), code: null };
    });
  }

  #walletRefusal(refused: 'no-keychain' | 'unreadable'): AgentRefusal {
    const { language } = this.#state;
    return refused === 'no-keychain'
      ? { message: text(language, 'dialog.noKeychain'), code: 'keystore-locked' }
      : { message: text(language, 'dialog.keychainUnreadable'), code: 'keystore-locked' };
  }

  async #recover(failure: AgentFailure): Promise<void> {
    this.#unlock.rejected(failure.code);
    this.#log.warn('There is no agent until the owner decides', {
      cause: failure.reason ?? 'it ended unexpectedly too often',
      code: failure.code,
    });
    this.#state.show('gone');
    this.#startup.failed(failure);
    const again = await recover(failure, {
      language: () => this.#state.language,
      mayType: this.#unlock.canFix(failure.code),
      ask: async (question) => ask(question, { parent: await this.#window.settled() }),
      leaveNetwork: this.#waysBack(),
      unlock: async () => {
        this.#secretWindow.open(this.#hasWallet() ? 'unlock' : 'new-passphrase');
        await this.#secretWindow.whenClosed();
        return this.#unlock.hasTyped;
      },
    });
    if (again) this.#agent.start();
    else app.quit();
  }

  /** Back to practice from a network that was chosen in the app; null where options or practice set it. */
  #waysBack(): (() => void) | null {
    const { home, launch } = this.#options;
    if (isNetworkGiven(launch.given) || readNetworkChoice(home) === 'practice') return null;
    return () => {
      this.#log.info('The owner went back to the practice network');
      writeNetworkChoice(home, 'practice');
    };
  }

  #hasWallet(): boolean {
    const { home, launch } = this.#options;
    return existsSync(homePaths(home, networkFolder(home, launch.given)).keystore);
  }

  /** Returns whether to load the page again. Without a window on the screen, opening it again does so. */
  async #askAboutPage(parent: BrowserWindow | null, reason: string): Promise<boolean> {
    if (parent === null) return false;
    return (await ask(pageQuestion(reason, this.#state.language), { parent })) === 0;
  }

  #createSecretWindow(): SecretWindow {
    return createSecretWindow({
      appFolder: this.#options.place.appFolder,
      language: () => this.#state.language,
      answer: (request, shown) =>
        answerSecret(request, shown, {
          language: () => this.#state.language,
          calls: () => this.#agent.link?.secrets ?? null,
          passphrase: () => this.#unlock.find(),
          onImported: () => void this.#agent.restart(),
          unlock: (passphrase) => this.#unlock.type(passphrase),
          suggestedFile: 'idlewatt-wallet.json',
        }),
    });
  }

  #act(action: TrayAction): void {
    const { link } = this.#agent;
    switch (action.type) {
      case 'open':
        this.#window.show();
        break;
      case 'quit':
        app.quit();
        break;
      case 'secret':
        this.#secretWindow.open(action.task);
        break;
      case 'resume':
        this.#logFailure('resume', link?.resume());
        break;
      case 'pause':
        this.#logFailure('pause', link?.pause(action.until));
        break;
      case 'start':
        this.#logFailure('start', link?.start(action.duration));
        break;
      case 'end-start':
        this.#logFailure('end-start', link?.endStart());
        break;
      case 'change':
        this.#logFailure('change', link?.change(action.patch));
        break;
      default:
        assertNever(action);
    }
  }

  #logFailure(call: string, done: Promise<void> | undefined): void {
    done?.catch((error: unknown) => this.#log.error(`The call "${call}" failed.`, error));
  }

  #pressHotKey(): void {
    const { agent } = this.#state;
    if (agent === null) return;
    const resumes = handBackKeyDoes(agent.work) === 'resume';
    this.#act(resumes ? { type: 'resume' } : { type: 'pause', until: HAND_BACK_PAUSE });
  }

  /** Keeps tray, hot key and autostart equal to the state. */
  #followState(): void {
    this.#state.onChange((next, before) => {
      this.#tray?.show(trayView(next, this.#state.language));
      this.#showMenu();
      if (typeof next !== 'object') return;
      this.#hotKey.want(next.settings.handBackKey);
      const { startWithSystem } = next.settings;
      const known = typeof before === 'object' ? before.settings.startWithSystem : null;
      if (startWithSystem === known) return;
      const obstacle = setStartWithSystem(startWithSystem, this.#options.launch.kept);
      if (obstacle === this.#autostartObstacle) return;
      this.#autostartObstacle = obstacle;
      if (startWithSystem) this.#log.warn('Idlewatt can’t start with the system', { cause: obstacle });
      this.#agent.link?.describe();
    });
  }

  /** Only macOS has one menu for the app; elsewhere a menu bar would take room in the window. */
  #showMenu(): void {
    const { language } = this.#state;
    if (process.platform !== 'darwin' || language === this.#menuLanguage) return;
    this.#menuLanguage = language;
    const actions = { zoom: this.#window.zoom, openWindow: () => this.#window.show() };
    Menu.setApplicationMenu(Menu.buildFromTemplate(applicationMenu(language, actions)));
  }

  #followApp(): void {
    let quitting = false;
    app.on('second-instance', () => this.#window.show());
    app.on('activate', () => this.#window.show());
    app.on('window-all-closed', () => {
      // Stays in the tray: only Quit quits.
    });
    app.on('before-quit', (event) => {
      this.#window.allowClose();
      if (quitting) return;
      event.preventDefault();
      quitting = true;
      this.#log.info('The app is quitting');
      void this.close().finally(() => app.exit(0));
    });
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => app.quit());
  }

  /** A click on it opens the window. */
  #notify(notification: OwnerNotification): void {
    if (!Notification.isSupported()) {
      this.#log.warn('This system shows no notifications', { kind: notification.kind });
      return;
    }
    const shown = new Notification({ ...notificationText(notification, this.#state.language), silent: true });
    // One that nothing refers to is collected, and its click is lost.
    this.#notifications.add(shown);
    shown.on('click', () => this.#window.show());
    shown.on('close', () => this.#notifications.delete(shown));
    shown.show();
  }

  #notifyOnceThatItStays(): void {
    if (this.#state.agent?.settings.notifications === false) return;
    if (!firstTime(join(app.getPath('userData'), OWN_FILES.notices), 'stays-in-tray')) return;
    const { language } = this.#state;
    const title = text(language, 'tray.staysTitle');
    new Notification({ title, body: text(language, 'tray.staysText'), silent: true }).show();
  }
}
