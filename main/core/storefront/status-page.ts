/** The storefront's page for people: what it sells, how to pay, and how to report abuse. One file without scripts. */
import type { CertificateState } from '../../../shared/storefront.ts';
import { CHAT_PATH, MODELS_PATH } from '../../../shared/wire.ts';
import { ABUSE_PATH, type ListedModel } from './listing.ts';

export interface StatusPageParts {
  readonly publicUrl: string;
  readonly models: readonly ListedModel[];
  /** Requests that are being answered now. */
  readonly answering: number;
  /** Null without a certificate by ACME. */
  readonly certificate: CertificateState | null;
}

const STYLE =
  'body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem}' +
  'table{border-collapse:collapse}td,th{padding:.2rem .8rem;text-align:left;border-bottom:1px solid #8884}' +
  'code,pre{background:#8882;padding:.1rem .3rem}pre{padding:.6rem;overflow:auto}';

/** E.g. "1 model is". */
const counted = (count: number, thing: string) => (count === 1 ? `1 ${thing} is` : `${count} ${thing}s are`);

export function statusPage({ publicUrl, models, answering, certificate }: StatusPageParts): string {
  const url = escaped(publicUrl);
  const rows = models.map(
    ({ id, context_length, pricing }) =>
      `<tr><td>${escaped(id)}</td><td>${context_length}</td><td>${perMillion(pricing.prompt)}</td>` +
      `<td>${perMillion(pricing.completion)}</td></tr>`,
  );
  const state =
    models.length === 0
      ? 'No model is offered right now. Nothing is charged for a request that can’t be answered.'
      : `${counted(models.length, 'model')} offered; ${counted(answering, 'request')} in progress.`;
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
${certificateText(certificate)}<h2>Abuse</h2>
<p>Report it by <code>POST ${ABUSE_PATH}</code> with <code>{"text": "…", "contact": "…"}</code>.</p>
</html>`;
}

/** Empty where there is nothing to say. Seen while the certificate is still valid, or by those who accept it anyway. */
function certificateText(certificate: CertificateState | null): string {
  if (certificate === null || certificate.expiresAtMs === null) return '';
  const { expiresAtMs, problem, nextTryAtMs } = certificate;
  const day = (atMs: number) => new Date(atMs).toISOString().slice(0, 10);
  const failed =
    problem === null
      ? ''
      : ` Its renewal failed: ${escaped(problem)}${
          nextTryAtMs === null ? '' : ` The next attempt is on ${day(nextTryAtMs)}.`
        }`;
  return `<h2>Certificate</h2>\n<p>Valid until ${day(expiresAtMs)}.${failed}</p>\n`;
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
