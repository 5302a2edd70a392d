/** Public interface of the gateway module. */
export { createGateway, type GatewayOptions, type GatewayService } from './service.ts';
