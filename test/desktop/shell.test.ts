// Goal: the desktop app is what it promises: it opens in the practice profile with live data, its pages are
//   confined, the tray steers the agent, closing keeps it in the tray, and quitting leaves no process behind.
// Method: the real Electron window and tray, the real shell and the real agent with its practice network, in
//   a temporary home; the tray is read and its menu items are clicked in the main process.
// Would break if: a page could reach Node, other origins or the shell's calls; the tray and the page disagreed;
//   a remedy pressed in the tray did not reach the agent; the window's close button quit the app; a killed agent
//   stayed away; quitting left orphans.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { pressKeys } from '../../scripts/lib/virtual-input.ts';
import { type DesktopApp, isAlive, openApp, until } from './app.ts';

const AGENT_MS_MAX = 90_000;
/** For tests and hooks that start an agent, which may take longer than the limit of other tests. */
const SLOW = { timeout: 3 * AGENT_MS_MAX };
const QUIT_MS_MAX = 5_000;

describe('the desktop app', () => {
  let desktop: DesktopApp;
  before(async () => {
    desktop = await openApp();
    await desktop.page.getByRole('navigation').waitFor({ timeout: AGENT_MS_MAX });
  }, SLOW);
  after(() => desktop.close());

  test('opens its own page with live data of the practice network', async () => {
    assert.equal(desktop.page.url().split('#')[0], 'app://idlewatt/index.html');
    await desktop.page.getByText('Practice network', { exact: true }).first().waitFor();
    const view = await until('a state in the tray', desktop.tray, (tray) => tray.items.length > 5);
    assert.ok(view.items.some((item) => item.kind === 'text' && item.label.startsWith('Earned today: ')));
  });

  test('pages have no Node, no Electron and exactly three things of the desktop', async () => {
    const seen = await desktop.page.evaluate(() => ({
      require: typeof Reflect.get(globalThis, 'require'),
      process: typeof Reflect.get(globalThis, 'process'),
      bridge: Object.keys(Reflect.get(globalThis, 'idlewatt') as object).sort(),
    }));
    assert.deepEqual(seen, {
      require: 'undefined',
      process: 'undefined',
      bridge: ['connect', 'openSecret', 'platform'],
    });
  });

  test('windows are sandboxed and isolated', async () => {
    const settings = await desktop.app.evaluate(({ BrowserWindow }) =>
      BrowserWindow.getAllWindows().map((window) => {
        const contents = window.webContents as typeof window.webContents & {
          getLastWebPreferences(): Electron.WebPreferences;
        };
        const { sandbox, contextIsolation, nodeIntegration, webSecurity, webviewTag } =
          contents.getLastWebPreferences();
        return { sandbox, contextIsolation, nodeIntegration, webSecurity, webviewTag };
      }),
    );
    assert.deepEqual(settings, [
      { sandbox: true, contextIsolation: true, nodeIntegration: false, webSecurity: true, webviewTag: false },
    ]);
  });

  test('pages come with a policy that lets them load only themselves', async () => {
    const response = await desktop.page.reload();
    const policy = response?.headers()['content-security-policy'] ?? '';
    assert.match(policy, /default-src 'none'/);
    assert.match(policy, /script-src 'self'(;|$)/);
    assert.match(policy, /connect-src 'none'/);
    const evaluated = await desktop.page.evaluate(() => {
      const script = document.createElement('script');
      script.textContent = 'globalThis.inlineRan = true';
      document.head.append(script);
      return Reflect.get(globalThis, 'inlineRan') === true;
    });
    assert.equal(evaluated, false);
    const reached = await desktop.page.evaluate(() =>
      fetch('http://127.0.0.1:9/').then(
        () => 'reached',
        () => 'refused',
      ),
    );
    assert.equal(reached, 'refused');
    await desktop.page.getByRole('navigation').waitFor({ timeout: AGENT_MS_MAX });
  });

  test('navigation, new windows and permissions are denied', async () => {
    const before = desktop.page.url();
    await desktop.page.evaluate(() => {
      window.location.assign('https://example.com/');
    });
    const opened = await desktop.page.evaluate(() => window.open('https://example.com/') === null);
    const permission = await desktop.page.evaluate(() =>
      navigator.permissions.query({ name: 'geolocation' }).then(({ state }) => state),
    );
    assert.equal(desktop.page.url(), before);
    assert.equal(opened, true);
    assert.equal(permission, 'denied');
    await until('one window', desktop.windows, (windows) => windows.length === 1, 5_000);
    // Playwright waits for the navigation that was denied until another one ends.
    await desktop.page.reload();
    await desktop.page.getByRole('navigation').waitFor({ timeout: AGENT_MS_MAX });
  });

  test('files beside the pages are not served', async () => {
    const statuses = await desktop.app.evaluate(async ({ session }) => {
      const paths = [
        '..%2Fdesktop%2Fmain.js',
        '../../package.json',
        '%2e%2e/%2e%2e/package.json',
        'index.html',
      ];
      const answers = await Promise.all(
        paths.map((path) => session.defaultSession.fetch(`app://idlewatt/${path}`)),
      );
      return answers.map(({ status }) => status);
    });
    assert.deepEqual(statuses, [404, 404, 404, 200]);
  });

  test("a page is refused the shell's calls", async () => {
    // The page's own bridge, spoken to by hand in oRPC's encoding as a page that was taken over would.
    const answer = await desktop.page.evaluate(
      () =>
        new Promise<string>((resolve) => {
          window.addEventListener('message', function take({ data, ports: [port] }) {
            if (data !== 'idlewatt-port' || !port) return;
            window.removeEventListener('message', take);
            port.onmessage = (event) => resolve(String(event.data));
            port.postMessage(JSON.stringify({ i: '1', p: { u: '/shell/quit', b: { json: {} } } }));
          });
          (Reflect.get(globalThis, 'idlewatt') as { connect(): void }).connect();
        }),
    );
    assert.match(answer, /not-permitted/);
    const pid = await desktop.agentPid();
    assert.ok(pid !== undefined && isAlive(pid));
  });

  test('pausing in the tray changes the sentence on the page, and resuming changes it back', async () => {
    await desktop.chooseInTray('Pause', 'Until I resume');
    await desktop.page.getByText('You paused it until you resume.').first().waitFor();
    const paused = await until('the pause in the tray', desktop.tray, (tray) => tray.icon === 'paused');
    assert.equal(paused.sentence, 'Paused until you resume.');
    await desktop.chooseInTray('Resume');
    await until('the end of the pause', desktop.tray, (tray) => tray.icon !== 'paused');
    await desktop.page.getByText('You paused it until you resume.').first().waitFor({ state: 'hidden' });
  });

  test('the key pauses and resumes from anywhere, until the owner takes it away', async () => {
    const press = () => pressKeys({ DISPLAY: process.env.DISPLAY ?? '' }, 'Control_L+Alt_L+i');
    press();
    await until('the pause', desktop.tray, (tray) => tray.icon === 'paused');
    await desktop.page.getByText('You paused it until').first().waitFor();
    press();
    await until('the end of the pause', desktop.tray, (tray) => tray.icon !== 'paused');
    const held = () =>
      desktop.app.evaluate(({ globalShortcut }) => globalShortcut.isRegistered('CommandOrControl+Alt+I'));
    await desktop.page.getByRole('link', { name: 'Settings' }).click();
    await desktop.page.getByText('Give the machine back with Ctrl+Alt+I').click();
    await until('the key is let go', held, (registered) => !registered);
    await desktop.page.getByText('Give the machine back with Ctrl+Alt+I').click();
    await until('the key is taken again', held, (registered) => registered);
    await desktop.page.getByRole('link', { name: 'Home' }).click();
  });

  test('what one press mends is mended from the tray, and the page and its preview follow', async () => {
    await desktop.page.getByRole('link', { name: 'Settings' }).click();
    const hours = desktop.page.getByRole('switch', { name: 'Run only in these hours' });
    await desktop.page.getByText('Run only in these hours').click();
    await desktop.page.getByRole('button', { name: 'None' }).click();
    const preview = desktop.page.getByRole('region', { name: 'The next 24 hours by these rules' });
    await preview.getByText('allowed').first().waitFor({ state: 'hidden' });
    assert.match(await preview.getByRole('listitem').innerText(), /not by your schedule/);
    const offers = ({ items }: Awaited<ReturnType<typeof desktop.tray>>) =>
      items.some((item) => item.kind === 'action' && item.label === 'Run at any hour');
    const waiting = await until('the remedy in the tray', desktop.tray, offers, AGENT_MS_MAX);
    assert.equal(waiting.sentence, 'Waiting. The schedule has no hour that is on.');
    await desktop.chooseInTray('Run at any hour');
    await until('nothing to mend', desktop.tray, (tray) => !offers(tray));
    assert.equal(await hours.isChecked(), false);
    await preview.getByText('allowed').waitFor();
    await desktop.page.getByRole('link', { name: 'Home' }).click();
  });

  test('the tray offers every length of a pause', async () => {
    const { items } = await desktop.tray();
    const pause = items.find((item) => item.kind === 'menu');
    assert.deepEqual(
      pause?.kind === 'menu' && pause.items.map((item) => item.kind === 'action' && item.label),
      ['For 30 minutes', 'For 1 hour', 'For 2 hours', 'Until tomorrow', 'Until I resume'],
    );
    assert.ok(items.some((item) => item.kind === 'action' && item.label === 'Quit Idlewatt (earning stops)'));
  });

  test('the agent comes back when it was killed, and the page with it', SLOW, async () => {
    const first = await desktop.agentPid();
    assert.ok(first !== undefined);
    const noticed = desktop.page.getByText('Reconnecting', { exact: true }).first().waitFor();
    process.kill(first, 'SIGKILL');
    await noticed;
    const second = await until(
      'another agent',
      desktop.agentPid,
      (pid) => pid !== undefined && pid !== first,
    );
    assert.notEqual(second, first);
    await until('the state of the new agent', desktop.tray, (tray) => tray.items.length > 5, AGENT_MS_MAX);
    await desktop.page.getByText('Reconnecting').first().waitFor({ state: 'hidden', timeout: AGENT_MS_MAX });
  });

  test('closing the window keeps the app in the tray; opening from the tray shows it again', async () => {
    await desktop.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.close());
    await until('a hidden window', desktop.windowVisible, (visible) => !visible);
    const pid = await desktop.agentPid();
    assert.ok(pid !== undefined && isAlive(pid));
    await desktop.chooseInTray('Open Idlewatt');
    await until('a window', desktop.windowVisible, (visible) => visible);
  });

  test('quitting from the tray ends every process', async () => {
    const processes = desktop.processes();
    assert.ok(processes.length > 3);
    const ended = desktop.app.waitForEvent('close', { timeout: QUIT_MS_MAX * 2 });
    // The answer to the click may be lost with the app that it ends.
    await desktop.chooseInTray('Quit Idlewatt (earning stops)').catch(() => {});
    await ended;
    const left = await until(
      'the end of all processes',
      () => processes.filter(isAlive),
      (alive) => alive.length === 0,
      QUIT_MS_MAX,
    );
    assert.deepEqual(left, []);
  });
});
