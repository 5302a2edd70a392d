/** The storefront's page for people: what it sells, how to pay, and how to report abuse. One file without scripts. */
import { CHAT_PATH, MODELS_PATH } from '../../../shared/wire.ts';
import { ABUSE_PATH, type ListedModel } from './listing.ts';

export interface StatusPageParts {
  readonly publicUrl: string;
  readonly models: readonly ListedModel[];
  /** Requests that are being answered now. */
  readonly answering: number;
}

const STYLE =
  'body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem}' +
  'table{border-collapse:collapse}td,th{padding:.2rem .8rem;text-align:left;border-bottom:1px solid #8884}' +
  'code,pre{background:#8882;padding:.1rem .3rem}pre{padding:.6rem;overflow:auto}';

export function statusPage({ publicUrl, models, answering }: StatusPageParts): string {
  const url = escaped(publicUrl);
  const rows = models.map(
    ({ id, context_length, pricing }) =>
      `<tr><td>${escaped(id)}</td><td>${context_length}</td><td>${perMillion(pricing.prompt)}</td>` +
      `<td>${perMillion(pricing.completion)}</td></tr>`,
  );
  const state =
    models.length === 0
      ? 'No model is offered right now. Nothing is charged for a request that can’t be answered.'
      : `${models.length} models are offered, and ${answering} requests are being answered now.`;
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Idlewatt storefront</title><style>${STYLE}</style>
<h1>Idlewatt storefront</h1>
<p>Open language models, answered by idle machines, through OpenAI’s API. ${state}</p>
<table><tr><th>Model</th><th>Context</th><th>$ per million input tokens</th><th>$ per million output tokens</th></tr>
${rows.join('\n')}</table>
<h2>How to use it</h2>
<pre>curl ${url}${CHAT_PATH} -H "Authorization: Bearer $KEY" -H "Content-Type: application/json" \\
  -d '{"model": "${escaped(models[0]?.id ?? 'MODEL')}", "messages": [{"role": "user", "content": "Why is the sky blue?"}]}'</pre>
<p>With an API key, what you use is taken from the balance that you paid to the owner of this storefront. Without one, the
answer is <code>402</code>, and a program that speaks x402 (version 2) pays for each request. With the scheme
<code>exact</code> it pays for the most that the request can cost; the rest stays your address’s balance here and pays for
the next requests. With <code>upto</code> and <code>batch-settlement</code> it pays only what was used.</p>
<p>Machines read <a href="${MODELS_PATH}">${MODELS_PATH}</a>, <a href="/openapi.json">/openapi.json</a> and
<a href="/.well-known/x402.json">/.well-known/x402.json</a>.</p>
<h2>What happens to your request</h2>
<p>Another machine answers it, whose owner could read it: send nothing secret. This storefront stores neither your prompt nor
the answer, and not your address; it records how many tokens were used and what was charged.</p>
<h2>Abuse</h2>
<p>Report it by <code>POST ${ABUSE_PATH}</code> with <code>{"text": "…", "contact": "…"}</code>.</p>
</html>`;
}

/** US dollars for a million tokens, from the text for one. */
function perMillion(perToken: string): string {
  const [whole = '0', fraction = ''] = perToken.split('.');
  const digits = (whole + fraction.padEnd(6, '0').slice(0, 6)).replace(/^0+(?=\d)/, '');
  const rest = fraction.slice(6).replace(/0+$/, '');
  return rest === '' ? digits : `${digits}.${rest}`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
