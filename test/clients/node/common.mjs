/** What every client script shares: the gateway, a schema, and the report on standard output. */
import assert from 'node:assert/strict';

export const baseURL = process.env.IDLEWATT_CLIENT_BASE_URL;
export const apiKey = process.env.IDLEWATT_KEY;
export const model = process.env.IDLEWATT_CLIENT_MODEL;
export const embeddingModel = process.env.IDLEWATT_CLIENT_EMBEDDING_MODEL;
export const messages = [{ role: 'user', content: 'What is the weather?' }];
export const schema = {
  type: 'object',
  properties: { city: { type: 'string', enum: ['Bonn', 'Paris'] } },
  required: ['city'],
  additionalProperties: false,
};
export const tool = {
  type: 'function',
  function: { name: 'weather', description: 'Tells it.', parameters: schema },
};

export function checkCity(city) {
  assert.ok(city === 'Bonn' || city === 'Paris', String(city));
}

/** Runs each ability and prints what happened; a failure is its first line. */
export async function report(abilities) {
  for (const [ability, attempt] of Object.entries(abilities)) {
    let result = 'ok';
    try {
      await attempt();
    } catch (error) {
      result = `${error?.constructor?.name}: ${error?.message}`.split('\n')[0].slice(0, 200);
    }
    console.log(JSON.stringify({ ability, result }));
  }
}
