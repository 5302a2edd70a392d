/** Bodies that the worker for an AI Horde sends, for a validation by the Horde's own library. */
import { createHordeServer } from '../../main/adapters/horde/index.ts';
import { systemClock } from '../../main/ports/clock.ts';
import { HORDE_KEY, hordeJob, startFakeHorde } from '../fakes/horde-server.ts';
import { ABILITIES, type ClientCase } from './clients.ts';

export const HORDE_CLIENT: ClientCase = {
  script: 'horde_bodies.py',
  name: 'horde_sdk (bodies of the AI Horde)',
  language: 'python',
  packages: ['horde_sdk==0.18.0'],
  without: Object.fromEntries(ABILITIES.map((ability) => [ability, 'it buys nothing'])),
};

interface Exchange {
  readonly path: string;
  readonly body: unknown;
  readonly answer: unknown;
}

/** Makes each call of the client once, against the server of the unit tests. */
export async function openHordeExchanges(): Promise<{
  readonly env: Readonly<Record<string, string>>;
  close(): Promise<void>;
}> {
  const horde = await startFakeHorde();
  const exchanges: Exchange[] = [];
  const recording: typeof fetch = async (input, init) => {
    const response = await fetch(input, init);
    const { pathname } = new URL(String(input));
    const body = typeof init?.body === 'string' ? JSON.parse(init.body) : {};
    exchanges.push({ path: pathname, body, answer: await response.clone().json() });
    return response;
  };
  const server = createHordeServer({ url: horde.url, key: HORDE_KEY, fetch: recording, clock: systemClock });
  const { signal } = new AbortController();
  const ids = [1, 2].map((number) => `00000000-0000-4000-9000-00000000000${number}`);
  const [answered = '', dropped = ''] = ids;
  horde.queue.push(...ids.map((id) => hordeJob(id, 'SmolLM2-135M-Instruct')));
  const request = { workerName: 'Idlewatt test', models: ['SmolLM2-135M-Instruct'], nsfw: false };
  const limits = { answerTokensMax: 256, contextTokensMax: 2_048 };
  for (let pop = 0; pop < 3; pop += 1) await server.pop({ ...request, ...limits }, signal);
  await server.submit(answered, { state: 'ok', text: 'there was a king.', seed: 7 }, signal);
  await server.submit(dropped, { state: 'faulted' }, signal);
  await server.setMaintenance(request.workerName, 'Paused by its machine: on battery.', signal);
  await server.setMaintenance(request.workerName, null, signal);
  return { env: { IDLEWATT_CLIENT_HORDE_EXCHANGES: JSON.stringify(exchanges) }, close: () => horde.close() };
}
