// Goal: the page of the window for secrets shows words only while somebody looks, asks them back, takes and
//   gives key files through the shell alone, and says what went wrong.
// Method: the built page in headless Chromium with a scripted shell in the place of its preload script.
// Would break if: words stayed on the screen (or in the page) after the window lost the focus; a failed drill
//   counted as passed; a pass phrase were shown while it is typed; a string or a label were missing.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { AxeBuilder } from '@axe-core/playwright';
import type { Page } from 'playwright';
import type { SecretAnswer, SecretRequest, SecretWindowTask } from '../../shared/secret-window.ts';
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

type Shell = (request: SecretRequest) => SecretAnswer;

async function withTask(
  task: SecretWindowTask,
  shell: Shell,
  body: (opened: Opened & { asked: SecretRequest[] }) => Promise<void>,
  options: { language?: 'en' | 'de'; scheme?: 'light' | 'dark' } = {},
): Promise<void> {
  const asked: SecretRequest[] = [];
  const opened = await pages.open({
    scheme: options.scheme ?? 'light',
    url: ({ port }) =>
      `http://127.0.0.1:${port}/secret.html?task=${task}&language=${options.language ?? 'en'}`,
    before: async (page) => {
      await page.exposeFunction('scriptedShell', (request: SecretRequest) => {
        asked.push(request);
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
    await body({ ...opened, asked });
    assert.deepEqual(opened.complaints, []);
  } finally {
    await opened.close();
  }
}

const done: SecretAnswer = { type: 'done' };
const accessible = async (page: Page) => {
  const { violations } = await new AxeBuilder({ page }).analyze();
  assert.deepEqual(
    violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`),
    [],
  );
};

/** Knows the words and passes a drill only with the right ones. */
function backupShell(positions: readonly (readonly number[])[]): Shell {
  let drills = 0;
  return (request) => {
    switch (request.type) {
      case 'words':
        return { type: 'words', words: WORDS };
      case 'start-drill': {
        const asked = positions[drills % positions.length] ?? [];
        drills += 1;
        return { type: 'drill', id: `drill-${drills}`, positions: asked };
      }
      case 'answer-drill': {
        const asked = positions[(drills - 1) % positions.length] ?? [];
        const passed = asked.every((position, index) => request.words[index] === WORDS[position - 1]);
        return { type: 'drill-answered', passed };
      }
      default:
        return done;
    }
  };
}

test('words are shown when asked for, and gone from the page when it loses the focus', () =>
  withTask('backup', backupShell([[3, 9, 20]]), async ({ page }) => {
    const text = () => page.evaluate(() => document.body.textContent ?? '');
    assert.doesNotMatch(await text(), /kangaroo/);
    await page.getByRole('button', { name: 'Show the words' }).click();
    await page.getByText('kangaroo').waitFor();
    assert.deepEqual(await page.locator('.secret-words code').allTextContents(), WORDS);
    await accessible(page);
    await page.evaluate(() => window.dispatchEvent(new Event('blur')));
    await page.getByRole('button', { name: 'Show the words' }).waitFor();
    for (const word of ['kangaroo', 'sausage']) assert.ok(!(await text()).includes(word));
  }));

test('the drill asks words back: wrong ones begin another drill, right ones prove the backup', () =>
  withTask(
    'backup',
    backupShell([
      [3, 9, 20],
      [1, 7, 24],
    ]),
    async ({ page, asked }) => {
      await page.getByRole('button', { name: 'Show the words' }).click();
      await page.getByRole('button', { name: 'I wrote them down' }).click();
      await page.getByLabel('Word 3', { exact: true }).waitFor();
      assert.doesNotMatch(await page.evaluate(() => document.body.textContent ?? ''), /kangaroo/);
      await accessible(page);
      for (const position of [3, 9, 20]) {
        await page.getByLabel(`Word ${position}`, { exact: true }).fill('wrong');
      }
      await page.getByRole('button', { name: 'Check' }).click();
      await page.getByText('At least one word was not right').waitFor();
      for (const position of [1, 7, 24]) {
        await page
          .getByLabel(`Word ${position}`, { exact: true })
          .fill(` ${WORDS[position - 1]?.toUpperCase()} `);
      }
      await page.keyboard.press('Enter');
      await page.getByText('The backup is proven').waitFor();
      await page.getByRole('button', { name: 'Close' }).click();
      assert.deepEqual(asked.at(-1), { type: 'close' });
      const answers = asked.filter((request) => request.type === 'answer-drill');
      assert.deepEqual(answers.at(-1), {
        type: 'answer-drill',
        id: 'drill-2',
        words: ['legal', 'worth', 'label'],
      });
    },
  ));

test('a failure says what happened and that nothing moved', () =>
  withTask(
    'backup',
    () => ({ type: 'failed', code: 'unsupported', message: 'This wallet has no words.' }),
    async ({ page }) => {
      await page.getByRole('button', { name: 'Show the words' }).click();
      await page.getByRole('alert').getByText('This wallet has no words.').waitFor();
      await page.getByText('no money was moved').waitFor();
      await accessible(page);
    },
  ));

test('a key file is saved under a pass phrase typed twice and hidden', () =>
  withTask(
    'export',
    (request) =>
      request.type === 'export-file' ? { type: 'exported', path: '/somewhere/wallet.json' } : done,
    async ({ page, asked }) => {
      const save = page.getByRole('button', { name: 'Choose a place and save' });
      const first = page.getByLabel('New pass phrase', { exact: true });
      assert.equal(await first.getAttribute('type'), 'password');
      await first.fill('short');
      await page.getByText('At least 10 characters.').waitFor();
      await first.fill('long enough for this');
      await page.getByLabel('The same again', { exact: true }).fill('something else');
      await page.getByText('not the same yet').waitFor();
      assert.equal(await save.isDisabled(), true);
      await page.getByLabel('The same again', { exact: true }).fill('long enough for this');
      await accessible(page);
      await save.click();
      await page.getByText('/somewhere/wallet.json').waitFor();
      assert.deepEqual(asked, [{ type: 'export-file', passphrase: 'long enough for this' }]);
    },
  ));

test('another wallet comes from words, a file or a key, and each asks the shell for exactly that', () =>
  withTask(
    'import',
    (request) =>
      request.type === 'import-file'
        ? { type: 'nothing-chosen' }
        : request.type === 'import-key'
          ? { type: 'failed', code: 'bad-request', message: 'That is no private key.' }
          : { type: 'imported', address: ADDRESS },
    async ({ page, asked }) => {
      await accessible(page);
      await page.getByText('A private key', { exact: true }).click();
      await page.getByLabel('Private key', { exact: true }).fill('0x12');
      await page.getByRole('button', { name: 'Replace the wallet' }).click();
      await page.getByText('That is no private key.').waitFor();
      await page.getByText('A key file', { exact: true }).click();
      await page.getByLabel('Pass phrase of the file', { exact: true }).fill('of the file');
      await page.getByRole('button', { name: 'Choose the file and replace the wallet' }).click();
      await page.getByText('That is no private key.').waitFor({ state: 'hidden' });
      await page.getByText('Words', { exact: true }).click();
      await page.getByLabel('The words, in their order').fill('Legal  winner\nthank');
      await page.getByRole('button', { name: 'Replace the wallet' }).click();
      await page.getByText(ADDRESS).waitFor();
      assert.deepEqual(asked, [
        { type: 'import-key', key: '0x12' },
        { type: 'import-file', passphrase: 'of the file' },
        { type: 'import-phrase', phrase: 'legal winner thank' },
      ]);
    },
  ));

test('a locked wallet is opened by its pass phrase, in German and in the dark too', () =>
  withTask(
    'unlock',
    () => done,
    async ({ page, asked }) => {
      await page.getByLabel('Passphrase', { exact: true }).fill('aus dem Kopf');
      await accessible(page);
      await page.keyboard.press('Enter');
      await page.waitForFunction(() => document.querySelector('.note.is-error') === null);
      assert.deepEqual(asked[0], { type: 'unlock', passphrase: 'aus dem Kopf' });
    },
    { language: 'de', scheme: 'dark' },
  ));
