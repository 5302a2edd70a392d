// Verifies: with everything real, a transfer leaves the wallet only after a press in the shell's native dialog, and the
//   recovery phrase reaches the owner only through the shell's own window.
// Setup: the real app on the practice network. A real key press declines the native dialog; to approve, the test replaces
//   Electron's message box in the main process, which only a test runner can do.
// Fails if: a declined transfer is sent; the dialog's default is to send; a page can read or reach the secret window, or
//   that window the agent; words are left anywhere after the window closed.
import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright';
import { text } from '../../shared/strings/index.ts';
import { IPC } from '../../shared/wire.ts';
import { type DesktopApp, openApp, until } from './app.ts';

const AGENT_MS_MAX = 90_000;
/** For tests and hooks that start an agent, which may take longer than the limit of other tests. */
const SLOW = { timeout: 3 * AGENT_MS_MAX };
/** The well-known test phrase of BIP-39 and its first address. */
const PHRASE =
  'abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about';
const PHRASE_ADDRESS = '0x9858EfFD232B4033E47d90003D41EC34EcaEda94';
const AMOUNT = '0.25 practice ETH';
/** The label of each field of the backup check. */
const WORD_LABEL = new RegExp(
  `^${text('en', 'secret.backup.word', { position: '|' }).replace('|', '\\d+')}$`,
);
const TO = '0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC';

let desktop: DesktopApp;
let page: Page;
before(async () => {
  desktop = await openApp();
  page = desktop.page;
  await page.getByRole('navigation').waitFor({ timeout: AGENT_MS_MAX });
  await page.getByRole('link', { name: text('en', 'nav.wallet'), exact: true }).click();
  await page.getByRole('button', { name: text('en', 'send.title'), exact: true }).click();
}, SLOW);
after(() => desktop.close());

/** Answers the next message box with this button and records what it would have shown. */
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
  await page.getByRole('radio', { name: 'practice ETH' }).check({ force: true });
  await page.getByLabel(text('en', 'send.to'), { exact: true }).fill(TO);
  await page.getByLabel(text('en', 'send.amount'), { exact: true }).fill('0.25');
  await page.keyboard.press('Enter');
  await page.getByText(text('en', 'send.preview')).waitFor();
};

test('the dialog has the facts; Enter declines, and nothing is sent', async () => {
  await prepare();
  await page.getByRole('button', { name: text('en', 'send.send', { amount: AMOUNT }) }).click();
  const [asked] = await until('the dialog', desktop.questions, (questions) => questions.length > 0);
  assert.equal(asked?.message, 'Send 0.25 practice ETH?');
  assert.ok(asked?.detail.includes(`To: ${TO}`));
  assert.match(asked?.detail ?? '', /Network fee: up to 0\.\d+ practice ETH/);
  assert.match(asked?.detail ?? '', /This is practice money/);
  assert.deepEqual(asked?.buttons, ['Don’t send', 'Send 0.25 practice ETH']);
  // The real key on the real dialog, again if it was pressed before the dialog could receive it.
  const press = async () => {
    desktop.press('Return');
    return desktop.questions();
  };
  await until('the answer', press, (questions) => questions.length === 0, 20_000);
  await page.getByText(text('en', 'send.declined')).waitFor();
  assert.equal(await page.locator('.sent-row').count(), 0);
});

test('a compromised page can’t confirm for the owner', async () => {
  const answer = await page.evaluate(
    (portMessage) =>
      new Promise<string>((resolve) => {
        window.addEventListener('message', function take({ data, ports: [port] }) {
          if (data !== portMessage || !port) return;
          window.removeEventListener('message', take);
          port.onmessage = (event) => resolve(String(event.data));
          const call = { u: '/shell/answerSpend', b: { json: { id: 'any', approved: true } } };
          port.postMessage(JSON.stringify({ i: '1', p: call }));
        });
        (Reflect.get(globalThis, 'idlewatt') as { connect(): void }).connect();
      }),
    IPC.port,
  );
  assert.match(answer, /not-permitted/);
});

test('a confirmed transfer is sent and arrives', async () => {
  await page.getByRole('button', { name: text('en', 'send.change') }).click();
  await page.getByText(text('en', 'send.check')).click();
  await page.getByText(text('en', 'send.preview')).waitFor();
  await answerNext(1);
  await page.getByRole('button', { name: text('en', 'send.send', { amount: AMOUNT }) }).click();
  await page.getByText(text('en', 'send.handed', { amount: AMOUNT })).waitFor();
  assert.deepEqual(await shownBox(), { message: 'Send 0.25 practice ETH?', defaultId: 0, cancelId: 0 });
  const row = page.locator('.sent-row').first();
  await row.getByText(text('en', 'sent.state.mined'), { exact: true }).waitFor({ timeout: 30_000 });
  await row.locator('.end', { hasText: '0.25' }).waitFor();
  await row.getByText(text('en', 'sent.feePaid')).waitFor();
});

test('a page opens the secret window by its task’s name only, and the words verify the backup', async () => {
  await page.getByRole('button', { name: text('en', 'backup.open.backup') }).click();
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
  await secret.getByRole('button', { name: text('en', 'secret.backup.show') }).click();
  await secret.locator('.secret-words code').first().waitFor();
  const words = await secret.locator('.secret-words code').allTextContents();
  assert.ok(words.length >= 12 && words.every((word) => /^[a-z]+$/.test(word)));
  // A window for one task refuses the requests of another.
  const refused = await secret.evaluate(() =>
    (Reflect.get(globalThis, 'idlewattSecret') as { ask(request: unknown): Promise<unknown> })
      .ask({ type: 'export-file', passphrase: 'long enough for this' })
      .then(
        () => 'done',
        () => 'refused',
      ),
  );
  assert.equal(refused, 'refused');
  await secret.getByRole('button', { name: text('en', 'secret.backup.written') }).click();
  const fields = secret.getByLabel(WORD_LABEL);
  await fields.first().waitFor();
  for (const field of await fields.all()) {
    const label = await field.evaluate((input) => (input as HTMLInputElement).labels?.[0]?.textContent);
    await field.fill(words[Number(/\d+/.exec(label ?? '')?.[0]) - 1] ?? '');
  }
  await secret.getByRole('button', { name: text('en', 'secret.backup.check') }).click();
  await secret.getByText(text('en', 'secret.backup.proven'), { exact: true }).waitFor();
  const closed = secret.waitForEvent('close');
  await secret
    .getByRole('button', { name: text('en', 'common.close') })
    .click()
    .catch(() => {}); // the click's result may be lost with its window
  await closed;
  await page.getByText(text('en', 'backup.proven.what')).waitFor();
  await until('one window', desktop.windows, (windows) => windows.length === 1, 5_000);
});

test('an exported keystore file restores the same wallet in place of another one', SLOW, async () => {
  const file = join(desktop.home, 'exported.json');
  const addressShown = () => page.locator('.wallet-address .wallet-code').first().textContent();
  const first = await addressShown();
  await desktop.app.evaluate(({ dialog }, path) => {
    Object.assign(dialog, {
      showSaveDialog: () => Promise.resolve({ canceled: false, filePath: path }),
      showOpenDialog: () => Promise.resolve({ canceled: false, filePaths: [path] }),
    });
  }, file);
  await desktop.chooseInTray(text('en', 'nav.wallet'), text('en', 'backup.open.export'));
  const secret = await desktop.windowAt('secret.html');
  await secret
    .getByLabel(text('en', 'secret.export.passphrase'), { exact: true })
    .fill('long enough for this');
  await secret.getByLabel(text('en', 'secret.export.again'), { exact: true }).fill('long enough for this');
  await secret.keyboard.press('Enter');
  await secret.getByText(text('en', 'secret.export.done')).waitFor();
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.match(readFileSync(file, 'utf8'), /"version":\s*3/);

  const pid = await desktop.agentPid();
  // The same window, for another task.
  await desktop.chooseInTray(text('en', 'nav.wallet'), text('en', 'backup.open.import'));
  await secret.getByLabel(text('en', 'secret.import.field.phrase')).fill(PHRASE);
  await secret.getByRole('button', { name: text('en', 'secret.import.act.phrase') }).click();
  await secret.getByText(text('en', 'secret.import.done')).waitFor();
  await until('another agent', desktop.agentPid, (now) => now !== undefined && now !== pid);
  await page.getByText(PHRASE_ADDRESS).first().waitFor({ timeout: AGENT_MS_MAX });

  const closed = secret.waitForEvent('close');
  await secret.reload();
  await secret.getByText(text('en', 'secret.import.source.file'), { exact: true }).click();
  await secret.getByLabel(text('en', 'secret.import.field.file'), { exact: true }).fill('another passphrase');
  await secret.keyboard.press('Enter');
  await secret.getByRole('alert').waitFor();
  await secret
    .getByLabel(text('en', 'secret.import.field.file'), { exact: true })
    .fill('long enough for this');
  await secret.keyboard.press('Enter');
  await secret.getByText(text('en', 'secret.import.done')).waitFor();
  await until('the first address', addressShown, (address) => address === first, AGENT_MS_MAX);
  await secret
    .getByRole('button', { name: text('en', 'common.close') })
    .click()
    .catch(() => {});
  await closed;
});

test('the secret window is confined and has a process and a session of its own', async () => {
  await desktop.chooseInTray(text('en', 'nav.wallet'), text('en', 'backup.open.export'));
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
    .getByRole('button', { name: text('en', 'common.cancel') })
    .click()
    .catch(() => {});
  await closed;
});
