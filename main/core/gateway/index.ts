/** Public interface of the gateway module. */

export type { Answer } from './answer.ts';
export type { AnswerBuyer, BoughtAnswer, WantedAnswer } from './answer-buyer.ts';
export { createAnswerKeys } from './answer-keys.ts';
export type { Collected, LineBody, LineBuyer, LinePurchase, LineRequest, SentLine } from './line-buyer.ts';
export { marketView, type OfferedNow } from './market-view.ts';
export { createGateway, type GatewayOptions, type GatewayService } from './service.ts';
