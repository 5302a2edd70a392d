// Verifies: the desktop app opens in the practice profile with live data, its pages are confined, the tray controls the
//   agent, closing the window keeps the app in the tray, and quitting leaves no process behind.
// Setup: the real Electron window and tray, the real shell and the real agent with its practice network, in a temporary
//   data folder; the tray is read and its menu items are clicked in the main process.
// Fails if: a page can reach Node, other origins or the shell's calls; tray and page disagree; a remedy selected in the
//   tray doesn't reach the agent; the window's close button quits the app; a killed agent doesn't come back; quitting
//   leaves orphans.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { text } from '../../shared/strings/index.ts';
import { IPC } from '../../shared/wire.ts';
import { type DesktopApp, isAlive, openApp, until } from './app.ts';

const AGENT_MS_MAX = 90_000;
/** For tests and hooks that start an agent, which may take longer than the limit of other tests. */
const SLOW = { timeout: 3 * AGENT_MS_MAX };
const QUIT_MS_MAX = 5_000;

let desktop: DesktopApp;
before(async () => {
  desktop = await openApp();
  await desktop.page.getByRole('navigation').waitFor({ timeout: AGENT_MS_MAX });
}, SLOW);
after(() => desktop.close());

test('the app opens its own page with live data of the practice network', async () => {
  assert.equal(desktop.page.url().split('#')[0], 'app://idlewatt/index.html');
  await desktop.page.getByText(text('en', 'profile.practice'), { exact: true }).first().waitFor();
  const view = await until('a state in the tray', desktop.tray, (tray) => tray.items.length > 5);
  assert.ok(view.items.some((item) => item.kind === 'text' && item.label.startsWith('Earned today: ')));
});

test('pages have no Node, no Electron and exactly four members of the desktop’s bridge', async () => {
  const seen = await desktop.page.evaluate(() => ({
    require: typeof Reflect.get(globalThis, 'require'),
    process: typeof Reflect.get(globalThis, 'process'),
    bridge: Object.keys(Reflect.get(globalThis, 'idlewatt') as object).sort(),
  }));
  assert.deepEqual(seen, {
    require: 'undefined',
    process: 'undefined',
    bridge: ['connect', 'onStartup', 'openSecret', 'platform'],
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

test('pages have a content security policy that lets them load only from their own origin', async () => {
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
  // Playwright waits for the denied navigation until another one ends.
  await desktop.page.reload();
  await desktop.page.getByRole('navigation').waitFor({ timeout: AGENT_MS_MAX });
});

test('files outside of the pages’ folder are not served', async () => {
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

test('a page can’t make the shell’s calls', async () => {
  // A message in oRPC's encoding over the page's own bridge, as a compromised page would send it.
  const answer = await desktop.page.evaluate(
    (portMessage) =>
      new Promise<string>((resolve) => {
        window.addEventListener('message', function take({ data, ports: [port] }) {
          if (data !== portMessage || !port) return;
          window.removeEventListener('message', take);
          port.onmessage = (event) => resolve(String(event.data));
          port.postMessage(JSON.stringify({ i: '1', p: { u: '/shell/quit', b: { json: {} } } }));
        });
        (Reflect.get(globalThis, 'idlewatt') as { connect(): void }).connect();
      }),
    IPC.port,
  );
  assert.match(answer, /not-permitted/);
  const pid = await desktop.agentPid();
  assert.ok(pid !== undefined && isAlive(pid));
});

test('pausing in the tray changes the sentence on the page, and resuming changes it back', async () => {
  const onPage = desktop.page.getByText(text('en', 'why.paused-until-resume')).first();
  await desktop.chooseInTray(text('en', 'pause.pause'), text('en', 'pause.until.resume'));
  await onPage.waitFor();
  const paused = await until('the pause in the tray', desktop.tray, (tray) => tray.icon === 'paused');
  assert.equal(paused.sentence, text('en', 'whyShort.paused-until-resume'));
  await desktop.chooseInTray(text('en', 'pause.resume'));
  await until('the end of the pause', desktop.tray, (tray) => tray.icon !== 'paused');
  await onPage.waitFor({ state: 'hidden' });
});

test('the hot key pauses and resumes from anywhere, until the owner turns it off', async () => {
  const press = () => desktop.press('Control_L+Alt_L+i');
  press();
  await until('the pause', desktop.tray, (tray) => tray.icon === 'paused');
  const [beforeTime = ''] = text('en', 'why.paused-until-time', { time: '|' }).split('|');
  await desktop.page.getByText(beforeTime).first().waitFor();
  press();
  await until('the end of the pause', desktop.tray, (tray) => tray.icon !== 'paused');
  const held = () =>
    desktop.app.evaluate(({ globalShortcut }) => globalShortcut.isRegistered('CommandOrControl+Alt+I'));
  await desktop.page.getByRole('link', { name: text('en', 'nav.settings') }).click();
  await desktop.page.getByText(text('en', 'settings.handBackKey', { key: 'Ctrl+Alt+I' })).click();
  await until('the key to be released', held, (registered) => !registered);
  await desktop.page.getByText(text('en', 'settings.handBackKey', { key: 'Ctrl+Alt+I' })).click();
  await until('the key to be registered again', held, (registered) => registered);
  await desktop.page.getByRole('link', { name: text('en', 'nav.home') }).click();
});

test('a remedy selected in the tray takes effect, and the page and its preview follow', SLOW, async () => {
  await desktop.page.getByRole('link', { name: text('en', 'nav.schedule') }).click();
  const hours = desktop.page.getByRole('switch', { name: text('en', 'settings.scheduleOn') });
  await desktop.page.getByRole('radio', { name: text('en', 'settings.brush.never') }).check({ force: true });
  await desktop.page.locator('[data-place="0-0"]').hover();
  await desktop.page.mouse.down();
  await desktop.page.locator('[data-place="6-23"]').hover();
  await desktop.page.mouse.up();
  const preview = desktop.page.getByRole('region', { name: text('en', 'ahead.title') });
  await preview.getByText(text('en', 'ahead.allowed')).first().waitFor({ state: 'hidden' });
  const notAllowed = text('en', 'ahead.outside-schedule');
  assert.ok((await preview.getByRole('listitem').innerText()).includes(notAllowed));
  const offers = ({ items }: Awaited<ReturnType<typeof desktop.tray>>) =>
    items.some((item) => item.kind === 'action' && item.label === text('en', 'remedy.run-any-hour'));
  const waiting = await until('the remedy in the tray', desktop.tray, offers, AGENT_MS_MAX);
  assert.equal(waiting.sentence, text('en', 'whyShort.no-scheduled-hour'));
  await desktop.chooseInTray(text('en', 'remedy.run-any-hour'));
  await until('no remedy in the tray', desktop.tray, (tray) => !offers(tray));
  assert.equal(await hours.isChecked(), false);
  await preview.getByText(text('en', 'ahead.allowed')).waitFor();
  await desktop.page.getByRole('link', { name: text('en', 'nav.home') }).click();
});

test('the tray offers every duration of a pause', async () => {
  const { items } = await desktop.tray();
  const pause = items.find((item) => item.kind === 'menu' && item.label === text('en', 'pause.pause'));
  assert.deepEqual(
    pause?.kind === 'menu' && pause.items.map((item) => item.kind === 'action' && item.label),
    (['30-minutes', '1-hour', '2-hours', 'tomorrow', 'resume'] as const).map((until) =>
      text('en', `pause.until.${until}`),
    ),
  );
  assert.ok(items.some((item) => item.kind === 'action' && item.label === text('en', 'tray.quit')));
});

test('a killed agent is restarted, and the page reconnects', SLOW, async () => {
  const first = await desktop.agentPid();
  assert.ok(first !== undefined);
  const show = (hash: string) =>
    desktop.page.evaluate((next) => {
      window.location.hash = next;
    }, hash);
  // Home tells it in its panel; the other pages have a note.
  await show('#/earnings');
  const noticed = desktop.page
    .getByText(text('en', 'line.reconnecting.title'), { exact: true })
    .first()
    .waitFor();
  process.kill(first, 'SIGKILL');
  await noticed;
  const second = await until('another agent', desktop.agentPid, (pid) => pid !== undefined && pid !== first);
  assert.notEqual(second, first);
  await until('the state of the new agent', desktop.tray, (tray) => tray.items.length > 5, AGENT_MS_MAX);
  await desktop.page
    .getByText(text('en', 'line.reconnecting.title'))
    .first()
    .waitFor({ state: 'hidden', timeout: AGENT_MS_MAX });
  await show('#/');
});

test('closing the window keeps the app in the tray, and Open in the tray shows it again', async () => {
  await desktop.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.close());
  await until('a hidden window', desktop.windowVisible, (visible) => !visible);
  const pid = await desktop.agentPid();
  assert.ok(pid !== undefined && isAlive(pid));
  await desktop.chooseInTray(text('en', 'tray.open'));
  await until('a window', desktop.windowVisible, (visible) => visible);
});

test('quitting from the tray ends every process', async () => {
  const processes = desktop.processes();
  assert.ok(processes.length > 3);
  const ended = desktop.app.waitForEvent('close', { timeout: QUIT_MS_MAX * 2 });
  // The click's result may be lost with the app that it quits.
  await desktop.chooseInTray(text('en', 'tray.quit')).catch(() => {});
  await ended;
  const left = await until(
    'the end of all processes',
    () => processes.filter(isAlive),
    (alive) => alive.length === 0,
    QUIT_MS_MAX,
  );
  assert.deepEqual(left, []);
});
