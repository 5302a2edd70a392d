/** Serves without payment: the signed offer, its models in OpenAI's shape, who has paid before, and verdicts on others. */
import type { Hono } from 'hono';
import { AppError } from '../../../shared/errors.ts';
import { OFFER_PATH, type OfferedModel } from '../../../shared/offer.ts';
import { AUDITS_PATH, MODELS_PATH, REFERENCES_PATH } from '../../../shared/wire.ts';
import type { PeerKey } from '../../ports/network.ts';
import type { ShownReference } from '../../ports/references.ts';
import type { Offers } from '../identity/index.ts';
import type { Consent } from './consent.ts';
import { peerOf } from './requester.ts';

export interface OfferRoutesParts {
  readonly offers: Offers;
  readonly key: Pick<PeerKey, 'peer'>;
  readonly consent: Pick<Consent, 'checkBuyer'>;
  readonly references: () => readonly ShownReference[];
  /** Signed verdicts on other providers. */
  readonly verdicts: () => readonly string[];
}

export function addOfferRoutes(app: Hono, parts: OfferRoutesParts): void {
  const { offers, key, consent, references, verdicts } = parts;
  for (const path of [OFFER_PATH, REFERENCES_PATH, AUDITS_PATH, MODELS_PATH, `${MODELS_PATH}/*`]) {
    app.use(path, async (context, next) => {
      consent.checkBuyer(peerOf(context));
      await next();
    });
  }
  app.get(OFFER_PATH, async (context) => context.text((await offers.current()).jws));
  app.get(REFERENCES_PATH, (context) => context.json(references()));
  app.get(AUDITS_PATH, (context) => context.json(verdicts()));
  app.get(MODELS_PATH, async (context) =>
    context.json({ object: 'list', data: await listModels(offers, key.peer) }),
  );
  app.get(`${MODELS_PATH}/:id{.+}`, async (context) => {
    const models = await listModels(offers, key.peer);
    const model = models.find(({ id }) => id === context.req.param('id'));
    if (!model) throw notOffered();
    return context.json(model);
  });
}

export function notOffered(): AppError {
  const details = { param: 'model' };
  return new AppError('model-unavailable', 'This provider doesn’t offer that model.', { details });
}

async function listModels(offers: Offers, owner: string) {
  const { offer } = await offers.current();
  const created = Math.floor(offer.issuedAtMs / 1_000);
  return offer.models.map((model) => ({
    ...listed(model),
    ...{ created, owned_by: owner, asset: offer.asset },
  }));
}

function listed(model: OfferedModel) {
  return {
    id: model.id,
    object: 'model',
    price: model.price,
    context_length: model.contextTokens,
    quantisation: model.quantisation,
    sha256: model.sha256,
    prefill_tokens_per_second: model.prefillTokensPerSecond,
    decode_tokens_per_second: model.decodeTokensPerSecond,
    features: model.features ?? [],
  };
}
