/** Public interface of the gateway's keys. */
export {
  createGatewayKeys,
  type GatewayKeys,
  type GatewayKeysOptions,
  type KeyUse,
} from './keys.ts';
export type { OwnKeyFile } from './own-key.ts';
