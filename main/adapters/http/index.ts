/** Public interface of the HTTP adapter. */
export { connectEngineServer, findAddresses } from './engine-server.ts';
export { type Proxies, useProxies } from './proxies.ts';
export { createPublicServer, type PublicHandler, type PublicServer } from './public-server.ts';
export { closeHttp, createHttpServer, listenHttp, type WebHandler } from './server.ts';
