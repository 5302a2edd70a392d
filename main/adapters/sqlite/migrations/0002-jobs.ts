/**
 * Creates jobs and their timelines. A job is one JSON text (schema: shared/jobs.ts). The columns used for lookups are
 * generated from it, so that a new field needs no migration and no column can disagree with the text.
 */
import type { Migration } from '../migration.ts';

export const jobs: Migration = {
  version: 2,
  sql: `
    CREATE TABLE job (
      id TEXT PRIMARY KEY,
      body TEXT NOT NULL CHECK (json_valid(body)),
      side TEXT GENERATED ALWAYS AS (body ->> '$.side') VIRTUAL,
      state TEXT GENERATED ALWAYS AS (body ->> '$.state') VIRTUAL,
      created_at_ms INTEGER GENERATED ALWAYS AS (body ->> '$.createdAtMs') VIRTUAL,
      channel_id TEXT GENERATED ALWAYS AS (body ->> '$.channelId') VIRTUAL,
      asset_id TEXT GENERATED ALWAYS AS (body ->> '$.assetId') VIRTUAL,
      charged TEXT GENERATED ALWAYS AS (body ->> '$.charged') VIRTUAL,
      paid TEXT NOT NULL DEFAULT 'no' CHECK (paid IN ('no', 'claimed', 'settled'))
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX job_by_time ON job (side, created_at_ms);
    CREATE INDEX job_by_state ON job (state, created_at_ms);
    CREATE INDEX job_unclaimed ON job (channel_id) WHERE paid = 'no';
    CREATE INDEX job_unsettled ON job (asset_id) WHERE paid = 'claimed';

    CREATE TABLE job_event (
      job_id TEXT NOT NULL REFERENCES job (id),
      position INTEGER NOT NULL,
      at_ms INTEGER NOT NULL,
      state TEXT NOT NULL,
      note TEXT,
      PRIMARY KEY (job_id, position)
    ) STRICT, WITHOUT ROWID;
  `,
};
