/** Public interface of the gateway's keys. */
export {
  createGatewayKeys,
  type GatewayKeys,
  type GatewayKeysOptions,
  type KeyUse,
  type OwnKeyFile,
} from './keys.ts';
