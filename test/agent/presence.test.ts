/**
 * Verifies: the running agent follows a rule that the owner sets, and the terminal shows why and until when.
 * Setup: a real practice agent whose schedule is set to another day and turned off again.
 * Fails if: the engine does not follow a decision, only the pages show a reason, settings apply only after a restart.
 */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { waitForState } from '../../scripts/lib/agent-process.ts';
import { AGENT_PROGRAM } from '../../scripts/lib/places.ts';
import { text } from '../../shared/strings/index.ts';
import { everyDay } from '../../shared/week.ts';
import { startPractice, temporaryHome } from './practice-agent.ts';

const IN_TIME = { timeoutMs: 120_000 };

// Starts a practice network and loads the model twice, each within 120 s.
const SLOW = { timeout: 5 * 60_000 };

test(
  'a schedule without the current hour hands the machine back, and turning it off resumes work',
  SLOW,
  async () => {
    const home = temporaryHome();
    const practice = await startPractice(home.path);
    try {
      const { api } = practice;
      // Two days from now is another day in every time zone.
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
      const said = execFileSync(process.execPath, [AGENT_PROGRAM, 'why', '--home', home.path], {
        encoding: 'utf8',
      });
      const [reason = '', cost, remedy] = said.split('\n');
      const [beforeTime = ''] = text('en', 'why.outside-schedule', { time: '|' }).split('|');
      assert.ok(reason.startsWith(beforeTime) && /20\d\d/.test(reason), reason);
      assert.equal(cost, text('en', 'home.perHourUnknown'));
      assert.equal(remedy, text('en', 'terminal.remedy.run-any-hour'));
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
  },
);
