/** Child process of the test of killed writers: records jobs in groups and prints each one that is on disk. */
import { openDatabase } from '../../../main/adapters/sqlite/index.ts';
import { createCalendar } from '../../../main/core/calendar/index.ts';
import { createJobs, newJobId } from '../../../main/core/jobs/index.ts';
import { createLedger } from '../../../main/core/ledger/index.ts';
import { systemClock } from '../../../main/ports/clock.ts';
import { soldJob } from '../jobs/job-samples.ts';

const database = openDatabase(process.argv[2] ?? '');
const ledger = createLedger({ store: database.ledger, clock: systemClock, calendar: createCalendar('UTC') });
const { durability } = database;
const jobs = createJobs({
  records: database.jobs,
  store: database.records,
  ledger,
  clock: systemClock,
  durability,
});

async function client(channelId: string): Promise<void> {
  for (let cumulative = 1; ; cumulative += 1) {
    const id = newJobId(Date.now());
    jobs.insert(soldJob({ id, channelId, createdAtMs: Date.now() }));
    await jobs.durable();
    jobs.update(id, { state: 'running' });
    jobs.update(id, { state: 'delivered', charged: '1' });
    durability.defer(() =>
      database.records.set('channel', channelId, JSON.stringify({ charged: cumulative })),
    );
    jobs.update(id, { state: 'charged', cumulative: String(cumulative) });
    await jobs.durable();
    process.stdout.write(`${id} ${channelId} ${cumulative}\n`);
  }
}

for (const channelId of ['0x1', '0x2', '0x3', '0x4']) void client(channelId);
