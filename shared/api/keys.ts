/** The API for the keys of the gateway: a key's secret is returned once, when it is added. */
import { oc } from '@orpc/contract';
import { z } from 'zod';
import { gatewayKeySchema, keyLimitsSchema, newKeySchema } from '../gateway-keys.ts';

const nothing = z.object({});

export const keysContract = {
  /** This machine's own key first, then the newest. */
  list: oc.input(nothing).output(z.object({ keys: z.array(gatewayKeySchema) })),
  add: oc.input(newKeySchema).output(z.object({ key: gatewayKeySchema, secret: z.string() })),
  /** Replaces the limits of a key. This machine’s own key has none. */
  change: oc
    .input(z.object({ id: z.string().max(100), limits: keyLimitsSchema }))
    .output(z.object({ key: gatewayKeySchema })),
  /** Takes a key out of use. This machine's own key gets a new secret instead. */
  revoke: oc.input(z.object({ id: z.string().max(100) })).output(nothing),
};
