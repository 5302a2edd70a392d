// Verifies: a page whose process is killed or hangs is loaded again, three times, and then the owner is asked; an engine
//   that is killed is restarted and explained; an agent that can't be started or refuses its options is explained on the
//   page and in front of the window.
// Setup: the real app with the real agent of the practice network in temporary data folders, driven over Node's
//   inspector; the processes of page and engine are killed by their PIDs, or an endless loop occupies the page. A folder
//   without Node is a damaged installation.
// Fails if: a dead page stays; a fourth death is not asked about, or asked about behind the window; Home looks ready
//   without an engine, or the agent ends with it; a refusal has no words on the page, or names npm.
// Lab: it starts the app several times, and kills an engine and pages over and over.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { OpenQuestion } from '../../main/desktop/ask.ts';
import { REPOSITORY } from '../../scripts/lib/places.ts';
import { text } from '../../shared/strings/index.ts';
import { isAlive, until } from './app.ts';
import { IS_UP, openPlainApp, type PlainApp, SENTENCE } from './plain-app.ts';

const AGENT_MS_MAX = 90_000;
/** For hooks and tests that start an agent or wait until Chromium notices a page that hangs. */
const SLOW = { timeout: 2 * AGENT_MS_MAX };

const questionsOf = (app: PlainApp) => app.evaluate<OpenQuestion[]>('shell?.questions() ?? []');

let app: PlainApp;
before(async () => {
  app = await openPlainApp();
  await pageReturns();
}, SLOW);
after(() => app.close());

/** Presses the button with this label, if the page shows it. */
const press = (label: string) =>
  app.inPage<boolean>(
    `(() => {
      const label = ${JSON.stringify(label)};
      const found = [...document.querySelectorAll('button')].find((each) => each.textContent.trim() === label);
      found?.click();
      return found !== undefined;
    })()`,
  );
const panel = () =>
  app.inPage<{ state: string; why: string; links: string[] }>(
    `(() => ({
      state: document.querySelector('.panel h1')?.textContent ?? '',
      why: document.querySelector('.panel-why')?.textContent ?? '',
      links: [...document.querySelectorAll('.panel-actions a')].map((each) => each.getAttribute('href')),
    }))()`,
  );

/** Waits until the model is loaded, and starts the work if the machine counts as used by its owner. */
async function engineIsReady(): Promise<void> {
  await until(
    'a loaded model',
    async () => {
      await press(text('en', 'pause.start'));
      return (await panel())?.state;
    },
    (state) => state === text('en', 'status.ready') || state === text('en', 'status.earning'),
    AGENT_MS_MAX,
  );
}

function enginePids(): number[] {
  return app.processes().filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('engine-process');
    } catch {
      return false; // ended meanwhile
    }
  });
}

test('an engine that is killed is explained on Home, and the next one loads the model; killed again and again it stays off', {
  ...SLOW,
  skip: process.platform !== 'linux',
}, async () => {
  await until(
    'Home',
    async () => {
      await press(text('en', 'welcome.skip'));
      return app.inPage<boolean>("document.querySelector('.panel') !== null");
    },
    (shown) => shown === true,
  );
  await engineIsReady();
  const agentPid = await app.evaluate<number>('shell.agentPid()');
  const [first] = enginePids();
  assert.ok(first !== undefined, 'the engine has a process of its own');
  process.kill(first, 'SIGKILL');
  await until('the explanation', panel, (shown) => shown?.why === text('en', 'why.engine-restarting'));
  await engineIsReady();
  assert.ok(!enginePids().includes(first));

  const giveUp = await until(
    'the end of the restarts',
    async () => {
      for (const pid of enginePids()) process.kill(pid, 'SIGKILL');
      return panel();
    },
    (shown) => shown?.why === text('en', 'why.engine-gave-up'),
    AGENT_MS_MAX,
  );
  assert.equal(giveUp?.state, text('en', 'status.stopped'));
  assert.deepEqual(giveUp?.links, ['#/models']);
  assert.equal(await app.evaluate<number>('shell.agentPid()'), agentPid, 'the agent lives on');
});

const pagePid = () =>
  app.evaluate<number>(
    `electron.BrowserWindow.getAllWindows().find((each) => each.webContents.getURL().includes('index.html'))
      ?.webContents.getOSProcessId() ?? 0`,
  );
const pageReturns = () =>
  until(
    'the page',
    () => app.inPage<boolean>(IS_UP),
    (shown) => shown === true,
    AGENT_MS_MAX,
  );

test('a page that hangs is ended and loaded again', SLOW, async () => {
  const first = await until('the page', pagePid, (pid) => pid > 0);
  await app.evaluate(
    `void electron.BrowserWindow.getAllWindows()[0].webContents.executeJavaScript('for (;;);').catch(() => {})`,
  );
  const second = await until('another process', pagePid, (pid) => pid > 0 && pid !== first, AGENT_MS_MAX);
  assert.notEqual(second, first);
  await pageReturns();
});

test(
  'a page that dies again and again comes back three times; then the owner is asked in front of the window',
  SLOW,
  async () => {
    const killPage = async () => {
      const pid = await until('the page', pagePid, (each) => each > 0 && isAlive(each));
      process.kill(pid, 'SIGKILL');
      await until(
        'the end of the page',
        () => isAlive(pid),
        (alive) => !alive,
      );
    };
    // The page that hung was the first death.
    for (let death = 2; death <= 3; death += 1) {
      await killPage();
      await pageReturns();
      assert.deepEqual(await questionsOf(app), []);
    }
    await killPage();
    const [question] = await until(
      'a question',
      () => questionsOf(app),
      (asked) => asked.length > 0,
    );
    assert.equal(question?.message, text('en', 'dialog.pageEnded'));
    assert.equal(question?.hasParent, true);
    assert.deepEqual(question?.buttons, [text('en', 'dialog.tryAgain'), text('en', 'dialog.closeWindow')]);
    const pid = await app.evaluate<number>('shell.agentPid()');
    assert.ok(isAlive(pid));
  },
);

/** Waits for the dialog of an agent that can't run, and returns it with the page's title and sentence. */
async function explanationOf(app: PlainApp) {
  const [question] = await until(
    'a dialog',
    () => questionsOf(app),
    (asked) => asked.length > 0,
    AGENT_MS_MAX,
  );
  const title = await until(
    'the title on the page',
    () => app.inPage<string>("document.querySelector('main.connecting h1')?.textContent"),
    (shown) => shown === text('en', 'startup.failedTitle'),
  );
  return { question, title, sentence: await app.inPage<string>(SENTENCE) };
}

test(
  'options that the agent refuses are explained on the page and in front of the window',
  SLOW,
  async () => {
    const app = await openPlainApp({ parameters: ['--network', 'base'] });
    try {
      const { question, sentence } = await explanationOf(app);
      assert.equal(question?.message, text('en', 'dialog.cannotStart'));
      assert.match(question?.detail ?? '', /--network requires --profile open/);
      assert.equal(question?.hasParent, true);
      assert.match(sentence ?? '', /--network requires --profile open/);
    } finally {
      await app.close();
    }
  },
);

test(
  'an agent whose process can’t be started is explained on the page and in front of the window',
  SLOW,
  async () => {
    const damaged = mkdtempSync(join(tmpdir(), 'idlewatt-damaged-'));
    for (const kept of ['package.json', 'dist', 'resources'])
      symlinkSync(join(REPOSITORY, kept), join(damaged, kept));
    const app = await openPlainApp({ folder: damaged });
    try {
      const { question, sentence } = await explanationOf(app);
      assert.match(question?.detail ?? '', /background process could not be started \(ENOENT: .*node/);
      assert.equal(question?.hasParent, true);
      assert.match(sentence ?? '', /could not be started/);
      assert.doesNotMatch(`${question?.detail} ${sentence}`, /npm/);
    } finally {
      await app.close();
      rmSync(damaged, { recursive: true });
    }
  },
);
