/** The door of the gateway room. */
export { createGateway, type GatewayOptions, type GatewayService } from './service.ts';
