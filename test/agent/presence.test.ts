/**
 * Goal: a rule that the owner sets is kept by the running agent, and the terminal says why and until when.
 * Method: a real practice agent; its schedule is set to an hour of another day and taken back, then its comfort.
 * Would break: a decision that the engine does not follow, a reason that only the pages know, settings that count
 * only after a restart.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { waitForState } from '../../scripts/agent-process.ts';
import { everyDay } from '../../shared/week.ts';
import { startPractice, temporaryHome } from './practice-agent.ts';

const ENTRY = fileURLToPath(new URL('../../main/agent-main.ts', import.meta.url));
const IN_TIME = { timeoutMs: 120_000 };

test('hours that the owner closes give the machine back, and open again when they are taken back', async () => {
  const home = temporaryHome();
  const practice = await startPractice(home.path);
  try {
    const { api } = practice;
    // Two days from now it is another day in every zone.
    const otherDay = (new Date().getUTCDay() + 1) % 7;
    const schedule = everyDay(0, 24).map((day, index) => (index === otherDay ? day : '0'.repeat(24)));
    await api.settings.change({ scheduleOn: true, schedule });
    const closed = await waitForState(
      api,
      ({ work }) => work.engine === 'stopped' && work.handBacks.length > 0,
      IN_TIME,
    );
    assert.equal(closed.work.presence.reason, 'outside-schedule');
    assert.equal(closed.work.handBacks[0]?.reason, 'outside-schedule');
    assert.ok((closed.work.presence.untilMs ?? 0) > Date.now(), 'it says when it starts');
    const said = execFileSync(process.execPath, [ENTRY, 'why', '--home', home.path], { encoding: 'utf8' });
    assert.match(said, /Your schedule keeps this hour free\. It goes on .*20\d\d/);
    assert.match(said, /turn the schedule off in Settings/);
    assert.match(said, /The cost of waiting is unknown/);
    await api.settings.change({ scheduleOn: false });
    const open = await waitForState(
      api,
      ({ work }) => work.engine === 'ready' && work.presence.decision === 'run',
      IN_TIME,
    );
    assert.equal(open.work.presence.reason, 'always-on');
    assert.ok(open.machine.readings.otherProcessorPercent !== undefined);
  } finally {
    await practice.close();
    home.remove();
  }
});
