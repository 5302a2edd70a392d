/** Child process that verifies the stored ledger and the rows' checksums, and lists what it finds. */
import { lowerPriority } from '../../ports/priority.ts';
import { openForReading } from './database.ts';

lowerPriority();
const database = openForReading(process.argv[2] ?? '', { allowChangedRows: true });
const problems = database.ledger.check('all');
const changedRow = database.changedRow();
database.close();
process.send?.({ problems, changedRow }, () => process.disconnect());
