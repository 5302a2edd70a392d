/** Public interface of the HTTP adapter. */
export { closeHttp, createHttpServer, listenHttp, type WebHandler } from './server.ts';
