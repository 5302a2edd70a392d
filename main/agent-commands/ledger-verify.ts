/** `ledger verify`: whether the books of a home are right. */
import { parseArgs } from 'node:util';
import { openDatabase } from '../adapters/sqlite/index.ts';
import { createCalendar } from '../core/calendar/index.ts';
import { createLedger } from '../core/ledger/index.ts';
import { systemClock } from '../ports/clock.ts';
import type { CommandRun } from './index.ts';
import { existingHome } from './options.ts';

export const run: CommandRun = async (argv) => {
  const { values } = parseArgs({ args: [...argv], options: { home: { type: 'string' } } });
  const database = openDatabase(existingHome(values.home).database);
  try {
    const ledger = createLedger({
      store: database.ledger,
      clock: systemClock,
      calendar: createCalendar('UTC'),
    });
    ledger.verifyBalanced();
    console.log('The books balance.');
    return 0;
  } finally {
    database.close();
  }
};
