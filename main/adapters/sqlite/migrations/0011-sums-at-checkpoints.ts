/**
 * From this version on, balances, sums by channel and flows are stored with each checkpoint instead of with each entry.
 * Those of an earlier version are complete up to the newest entry, so the checkpoint moves there.
 */
import type { Migration } from '../migration.ts';

export const sumsAtCheckpoints: Migration = {
  version: 11,
  sql: `
    INSERT INTO ledger_checkpoint (one, sequence, hash, balances)
      SELECT 1, sequence, hash,
        (SELECT json_group_object(json_array(account, asset_id), amount) FROM ledger_balance)
      FROM ledger_head WHERE true
      ON CONFLICT DO UPDATE SET sequence = excluded.sequence, hash = excluded.hash, balances = excluded.balances;
  `,
};
