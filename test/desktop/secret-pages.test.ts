/**
 * Verifies: the window for secrets shows the recovery phrase only while it has the focus, checks it, imports and
 *   exports keystore files through the shell alone, and explains errors.
 * Setup: the built page in headless Chromium with a scripted shell instead of its preload script.
 * Fails if: words stay on the screen (or in the page) after the window lost the focus; a failed drill counts as
 *   passed; a passphrase is visible while it is typed; a string or a label is missing.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright';
import type { SecretAnswer, SecretRequest, SecretWindowTask } from '../../shared/secret-window.ts';
import { axeFindings } from './axe.ts';
import { type Opened, type Pages, startPages } from './pages-browser.ts';

const WORDS =
  'legal winner thank year wave sausage worth useful legal winner thank yellow absorb actor cable daring eagle fabric gadget habit idle jacket kangaroo label'.split(
    ' ',
  );
const ADDRESS = '0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC';

let pages: Pages;
before(async () => {
  pages = await startPages();
});
after(() => pages.close());

type ScriptedShell = (request: SecretRequest) => SecretAnswer;

async function withTask(
  task: SecretWindowTask,
  shell: ScriptedShell,
  body: (opened: Opened & { requests: SecretRequest[] }) => Promise<void>,
  options: { language?: 'en' | 'de'; scheme?: 'light' | 'dark' } = {},
): Promise<void> {
  const requests: SecretRequest[] = [];
  const opened = await pages.open({
    scheme: options.scheme ?? 'light',
    url: ({ port }) =>
      `http://127.0.0.1:${port}/secret.html?task=${task}&language=${options.language ?? 'en'}`,
    before: async (page) => {
      await page.exposeFunction('scriptedShell', (request: SecretRequest) => {
        requests.push(request);
        return shell(request);
      });
      await page.addInitScript(() => {
        const ask = (request: unknown) =>
          (globalThis as unknown as { scriptedShell(request: unknown): unknown }).scriptedShell(request);
        Object.assign(globalThis, { idlewattSecret: { ask } });
      });
    },
  });
  try {
    await body({ ...opened, requests });
    assert.deepEqual(opened.consoleErrors, []);
  } finally {
    await opened.close();
  }
}

const done: SecretAnswer = { type: 'done' };
const assertAccessible = async (page: Page) => assert.deepEqual(await axeFindings(page), []);

/** A shell whose drills pass only with the right words; drills take the given positions in turn. */
function backupShell(positions: readonly (readonly number[])[]): ScriptedShell {
  let drills = 0;
  return (request) => {
    switch (request.type) {
      case 'words':
        return { type: 'words', words: WORDS };
      case 'start-drill': {
        const drill = positions[drills % positions.length] ?? [];
        drills += 1;
        return { type: 'drill', id: `drill-${drills}`, positions: drill };
      }
      case 'answer-drill': {
        const drill = positions[(drills - 1) % positions.length] ?? [];
        const passed = drill.every((position, index) => request.words[index] === WORDS[position - 1]);
        return { type: 'drill-answered', passed };
      }
      default:
        return done;
    }
  };
}

test('the words appear on request and leave the page when it loses the focus', () =>
  withTask('backup', backupShell([[3, 9, 20]]), async ({ page }) => {
    const text = () => page.evaluate(() => document.body.textContent ?? '');
    assert.doesNotMatch(await text(), /kangaroo/);
    await page.getByRole('button', { name: 'Show recovery phrase' }).click();
    await page.getByText('kangaroo').waitFor();
    assert.deepEqual(await page.locator('.secret-words code').allTextContents(), WORDS);
    await assertAccessible(page);
    await page.evaluate(() => window.dispatchEvent(new Event('blur')));
    await page.getByRole('button', { name: 'Show recovery phrase' }).waitFor();
    for (const word of ['kangaroo', 'sausage']) assert.ok(!(await text()).includes(word));
  }));

test('wrong words in the drill start another drill, right ones verify the backup', () =>
  withTask(
    'backup',
    backupShell([
      [3, 9, 20],
      [1, 7, 24],
    ]),
    async ({ page, requests }) => {
      await page.getByRole('button', { name: 'Show recovery phrase' }).click();
      await page.getByRole('button', { name: 'I’ve written them down' }).click();
      await page.getByLabel('Word 3', { exact: true }).waitFor();
      assert.doesNotMatch(await page.evaluate(() => document.body.textContent ?? ''), /kangaroo/);
      await assertAccessible(page);
      for (const position of [3, 9, 20]) {
        await page.getByLabel(`Word ${position}`, { exact: true }).fill('wrong');
      }
      await page.getByRole('button', { name: 'Check' }).click();
      await page.getByText('At least one word is wrong').waitFor();
      for (const position of [1, 7, 24]) {
        await page
          .getByLabel(`Word ${position}`, { exact: true })
          .fill(` ${WORDS[position - 1]?.toUpperCase()} `);
      }
      await page.keyboard.press('Enter');
      await page.getByText('Your backup is verified').waitFor();
      await page.getByRole('button', { name: 'Close' }).click();
      assert.deepEqual(requests.at(-1), { type: 'close' });
      const answers = requests.filter((request) => request.type === 'answer-drill');
      assert.deepEqual(answers.at(-1), {
        type: 'answer-drill',
        id: 'drill-2',
        words: ['legal', 'worth', 'label'],
      });
    },
  ));

test('an error explains what happened and that no money was moved', () =>
  withTask(
    'backup',
    () => ({ type: 'failed', code: 'unsupported', message: 'This wallet has no words.' }),
    async ({ page }) => {
      await page.getByRole('button', { name: 'Show recovery phrase' }).click();
      await page.getByRole('alert').getByText('This wallet has no words.').waitFor();
      await page.getByText('no money was moved').waitFor();
      await assertAccessible(page);
    },
  ));

test('a keystore file is saved under a passphrase that is typed twice and hidden', () =>
  withTask(
    'export',
    (request) =>
      request.type === 'export-file' ? { type: 'exported', path: '/somewhere/wallet.json' } : done,
    async ({ page, requests }) => {
      const save = page.getByRole('button', { name: 'Choose where to save' });
      const first = page.getByLabel('New passphrase', { exact: true });
      assert.equal(await first.getAttribute('type'), 'password');
      await first.fill('short');
      await page.getByText('Use at least 12 characters.').waitFor();
      await first.fill('aaaaaaaaaaaaaaaa');
      await page.getByText('Use different characters, for example several random words.').waitFor();
      await first.fill('long enough for this');
      await page.getByLabel('Confirm passphrase', { exact: true }).fill('something else');
      await page.getByText('The passphrases don’t match.').waitFor();
      assert.equal(await save.isDisabled(), true);
      await page.getByLabel('Confirm passphrase', { exact: true }).fill('long enough for this');
      await assertAccessible(page);
      await save.click();
      await page.getByText('/somewhere/wallet.json').waitFor();
      assert.deepEqual(requests, [{ type: 'export-file', passphrase: 'long enough for this' }]);
    },
  ));

test('importing a phrase, a file or a key sends exactly that request to the shell', () =>
  withTask(
    'import',
    (request) =>
      request.type === 'import-file'
        ? { type: 'nothing-chosen' }
        : request.type === 'import-key'
          ? { type: 'failed', code: 'bad-request', message: 'That is no private key.' }
          : { type: 'imported', address: ADDRESS },
    async ({ page, requests }) => {
      await assertAccessible(page);
      await page.getByRole('radio', { name: 'Private key' }).check({ force: true });
      await page.locator('.secret-field').getByLabel('Private key', { exact: true }).fill('0x12');
      await page.getByRole('button', { name: 'Replace the wallet' }).click();
      await page.getByText('That is no private key.').waitFor();
      await page.getByText('Keystore file', { exact: true }).click();
      await page.getByLabel('Keystore file passphrase', { exact: true }).fill('of the file');
      await page.getByRole('button', { name: 'Choose the file and replace the wallet' }).click();
      await page.getByText('That is no private key.').waitFor({ state: 'hidden' });
      await page.getByText('Recovery phrase', { exact: true }).click();
      await page.getByLabel('Recovery phrase, words in order').fill('Legal  winner\nthank');
      await page.getByRole('button', { name: 'Replace the wallet' }).click();
      await page.getByText(ADDRESS).waitFor();
      assert.deepEqual(requests, [
        { type: 'import-key', key: '0x12' },
        { type: 'import-file', passphrase: 'of the file' },
        { type: 'import-phrase', phrase: 'legal winner thank' },
      ]);
    },
  ));

test('a locked wallet is unlocked with its passphrase, also in German and in dark mode', () =>
  withTask(
    'unlock',
    () => done,
    async ({ page, requests }) => {
      await page.getByLabel('Passphrase', { exact: true }).fill('aus dem Kopf');
      await assertAccessible(page);
      await page.keyboard.press('Enter');
      await page.waitForFunction(() => document.querySelector('.note.is-error') === null);
      assert.deepEqual(requests[0], { type: 'unlock', passphrase: 'aus dem Kopf' });
    },
    { language: 'de', scheme: 'dark' },
  ));
