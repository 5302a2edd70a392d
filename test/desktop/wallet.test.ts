// Goal: with everything real, a spend leaves the wallet only by a press in the shell's native dialog, and the
//   recovery words reach the owner only through the shell's own window.
// Method: the real app on the practice network. The native dialog is declined by a real key on the screen; to
//   approve, the test takes the place of Electron's message box in the main process, as only a test runner can.
// Would break if: a declined spend were sent; the dialog's default were to send; a page could read or reach the
//   window for secrets, or that window the agent; words were left anywhere after the window closed.
import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Page } from 'playwright';
import { pressKeys } from '../../scripts/lib/virtual-input.ts';
import { type DesktopApp, openApp, until } from './app.ts';

const AGENT_MS_MAX = 90_000;
/** For tests and hooks that start an agent, which may take longer than the limit of other tests. */
const SLOW = { timeout: 3 * AGENT_MS_MAX };
/** The well-known test phrase of BIP-39 and its first address. */
const PHRASE =
  'abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about';
const PHRASE_ADDRESS = '0x9858EfFD232B4033E47d90003D41EC34EcaEda94';
const TO = '0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC';

describe('the wallet on the desktop', () => {
  let desktop: DesktopApp;
  let page: Page;
  before(async () => {
    desktop = await openApp();
    page = desktop.page;
    await page.getByRole('navigation').waitFor({ timeout: AGENT_MS_MAX });
    await page.getByRole('link', { name: 'Wallet' }).click();
    await page.getByRole('heading', { name: 'Send', exact: true }).waitFor();
  }, SLOW);
  after(() => desktop.close());

  /** The next message box is answered with this button; what it would have shown is kept. */
  const answerNext = (button: number) =>
    desktop.app.evaluate(({ dialog }, pressed) => {
      const boxes = dialog as unknown as { showMessageBox(...given: unknown[]): Promise<unknown> };
      const real = boxes.showMessageBox;
      boxes.showMessageBox = (...given) => {
        boxes.showMessageBox = real;
        Object.assign(globalThis, { shownBox: given.at(-1) });
        return Promise.resolve({ response: pressed, checkboxChecked: false });
      };
    }, button);
  const shownBox = () =>
    desktop.app.evaluate(() => {
      const box = Reflect.get(globalThis, 'shownBox') as Electron.MessageBoxOptions;
      return { message: box.message, defaultId: box.defaultId, cancelId: box.cancelId };
    });
  const prepare = async () => {
    await page.locator('.choice-option', { hasText: 'practice ETH' }).click();
    await page.getByLabel('To', { exact: true }).fill(TO);
    await page.getByLabel('Amount', { exact: true }).fill('0.25');
    await page.keyboard.press('Enter');
    await page.getByText('This will be sent').waitFor();
  };

  test('the dialog has the facts; Enter in it declines, and nothing is sent', async () => {
    await prepare();
    await page.getByRole('button', { name: 'Send 0.25 practice ETH' }).click();
    const [asked] = await until('the dialog', desktop.questions, (questions) => questions.length > 0);
    assert.equal(asked?.message, 'Send 0.25 practice ETH?');
    assert.ok(asked?.detail.includes(`To: ${TO}`));
    assert.match(asked?.detail ?? '', /Network fee: at most 0\.\d+ practice ETH/);
    assert.match(asked?.detail ?? '', /This is practice money/);
    assert.deepEqual(asked?.buttons, ['Do not send', 'Send 0.25 practice ETH']);
    // The real key on the real dialog; one that is pressed before the dialog can take it is pressed again.
    const press = async () => {
      pressKeys({ DISPLAY: process.env.DISPLAY ?? '' }, 'Return');
      return desktop.questions();
    };
    await until('the answer', press, (questions) => questions.length === 0, 20_000);
    await page.getByText('It was not confirmed').waitFor();
    await page.getByText('Nothing sent yet').waitFor();
  });

  test('a page that was taken over cannot answer for the owner', async () => {
    const answer = await page.evaluate(
      () =>
        new Promise<string>((resolve) => {
          window.addEventListener('message', function take({ data, ports: [port] }) {
            if (data !== 'idlewatt-port' || !port) return;
            window.removeEventListener('message', take);
            port.onmessage = (event) => resolve(String(event.data));
            const call = { u: '/shell/answerSpend', b: { json: { id: 'any', approved: true } } };
            port.postMessage(JSON.stringify({ i: '1', p: call }));
          });
          (Reflect.get(globalThis, 'idlewatt') as { connect(): void }).connect();
        }),
    );
    assert.match(answer, /not-permitted/);
  });

  test('confirmed, it is sent and arrives', async () => {
    await page.getByRole('button', { name: 'Change something' }).click();
    await page.getByText('Check and show the fee').click();
    await page.getByText('This will be sent').waitFor();
    await answerNext(1);
    await page.getByRole('button', { name: 'Send 0.25 practice ETH' }).click();
    await page.getByText('are on their way').waitFor();
    assert.deepEqual(await shownBox(), { message: 'Send 0.25 practice ETH?', defaultId: 0, cancelId: 0 });
    const row = page.locator('.sent-row').first();
    await row.getByText('Arrived', { exact: true }).waitFor({ timeout: 30_000 });
    await row.getByText('0.25', { exact: true }).waitFor();
    await row.getByText('Fee paid:').waitFor();
  });

  test('a page opens the window for secrets by its name alone, and the words prove the backup', async () => {
    await page.getByRole('button', { name: 'Back up with words …' }).click();
    const secret = await desktop.windowAt('secret.html');
    assert.match(secret.url(), /^app:\/\/idlewatt\/secret\.html\?task=backup&language=en$/);
    assert.deepEqual(
      await secret.evaluate(() => ({
        page: typeof Reflect.get(globalThis, 'idlewatt'),
        require: typeof Reflect.get(globalThis, 'require'),
        own: Object.keys(Reflect.get(globalThis, 'idlewattSecret') as object),
      })),
      { page: 'undefined', require: 'undefined', own: ['ask'] },
    );
    await secret.getByRole('button', { name: 'Show the words' }).click();
    await secret.locator('.secret-words code').first().waitFor();
    const words = await secret.locator('.secret-words code').allTextContents();
    assert.ok(words.length >= 12 && words.every((word) => /^[a-z]+$/.test(word)));
    // A window for one task cannot be talked into another.
    const refused = await secret.evaluate(() =>
      (Reflect.get(globalThis, 'idlewattSecret') as { ask(request: unknown): Promise<unknown> })
        .ask({ type: 'export-file', passphrase: 'long enough for this' })
        .then(
          () => 'done',
          () => 'refused',
        ),
    );
    assert.equal(refused, 'refused');
    await secret.getByRole('button', { name: 'I wrote them down' }).click();
    const fields = secret.getByLabel(/^Word \d+$/);
    await fields.first().waitFor();
    for (const field of await fields.all()) {
      const label = await field.evaluate((input) => (input as HTMLInputElement).labels?.[0]?.textContent);
      await field.fill(words[Number(/\d+/.exec(label ?? '')?.[0]) - 1] ?? '');
    }
    await secret.getByRole('button', { name: 'Check' }).click();
    await secret.getByText('The backup is proven').waitFor();
    const closed = secret.waitForEvent('close');
    await secret
      .getByRole('button', { name: 'Close' })
      .click()
      .catch(() => {}); // the answer to the click may be lost with its window
    await closed;
    await page.getByText('The backup was proven').waitFor();
    await until('one window', desktop.windows, (windows) => windows.length === 1, 5_000);
  });

  test('a saved key file restores the same wallet in place of another one', SLOW, async () => {
    const file = join(desktop.home, 'exported.json');
    const addressShown = () => page.locator('.receive .address').textContent();
    const first = await addressShown();
    await desktop.app.evaluate(({ dialog }, path) => {
      Object.assign(dialog, {
        showSaveDialog: () => Promise.resolve({ canceled: false, filePath: path }),
        showOpenDialog: () => Promise.resolve({ canceled: false, filePaths: [path] }),
      });
    }, file);
    await desktop.chooseInTray('Wallet', 'Save a key file …');
    const secret = await desktop.windowAt('secret.html');
    await secret.getByLabel('New pass phrase', { exact: true }).fill('long enough for this');
    await secret.getByLabel('The same again', { exact: true }).fill('long enough for this');
    await secret.keyboard.press('Enter');
    await secret.getByText('The key file was saved').waitFor();
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.match(readFileSync(file, 'utf8'), /"version":\s*3/);

    const pid = await desktop.agentPid();
    // The same window, for another task.
    await desktop.chooseInTray('Wallet', 'Bring another wallet …');
    await secret.getByLabel('The words, in their order').fill(PHRASE);
    await secret.getByRole('button', { name: 'Replace the wallet' }).click();
    await secret.getByText('This wallet is used from now on').waitFor();
    await until('another agent', desktop.agentPid, (now) => now !== undefined && now !== pid);
    await page.getByText(PHRASE_ADDRESS).first().waitFor({ timeout: AGENT_MS_MAX });

    const closed = secret.waitForEvent('close');
    await secret.reload();
    await secret.getByText('A key file', { exact: true }).click();
    await secret.getByLabel('Pass phrase of the file', { exact: true }).fill('another pass phrase');
    await secret.keyboard.press('Enter');
    await secret.getByRole('alert').waitFor();
    await secret.getByLabel('Pass phrase of the file', { exact: true }).fill('long enough for this');
    await secret.keyboard.press('Enter');
    await secret.getByText('This wallet is used from now on').waitFor();
    await until('the first address', addressShown, (address) => address === first, AGENT_MS_MAX);
    await secret
      .getByRole('button', { name: 'Close' })
      .click()
      .catch(() => {});
    await closed;
  });

  test('the window for secrets is confined, apart from the pages, and protected where the system can', async () => {
    await desktop.chooseInTray('Wallet', 'Save a key file …');
    const secret = await desktop.windowAt('secret.html');
    const seen = await desktop.app.evaluate(({ BrowserWindow, session }) => {
      const windows = BrowserWindow.getAllWindows();
      const found = windows.find((each) => each.webContents.getURL().includes('secret.html'));
      const contents = found?.webContents as Electron.WebContents & {
        getLastWebPreferences(): Electron.WebPreferences;
      };
      const { sandbox, contextIsolation, nodeIntegration } = contents.getLastWebPreferences();
      const own = contents.getOSProcessId();
      const shared = windows.filter((each) => each.webContents.getOSProcessId() === own);
      return {
        settings: { sandbox, contextIsolation, nodeIntegration },
        ownSession: contents.session !== session.defaultSession && !contents.session.isPersistent(),
        ownProcess: shared.length === 1,
      };
    });
    assert.deepEqual(seen, {
      settings: { sandbox: true, contextIsolation: true, nodeIntegration: false },
      ownSession: true,
      ownProcess: true,
    });
    const reached = await secret.evaluate(() =>
      fetch('app://idlewatt/index.html').then(
        () => 'reached',
        () => 'refused',
      ),
    );
    assert.equal(reached, 'refused');
    const closed = secret.waitForEvent('close');
    await secret
      .getByRole('button', { name: 'Cancel' })
      .click()
      .catch(() => {});
    await closed;
  });
});
