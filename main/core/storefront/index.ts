/** Public interface of the storefront. */
export { type AbuseReport, type AbuseReports, createAbuseReports } from './abuse-reports.ts';
export { refuseBlocked } from './blocked-payers.ts';
export { createCustomerAccounts } from './customer-accounts.ts';
export { type CustomerKeys, createCustomerKeys } from './customer-keys.ts';
export { type CustomerList, listCustomers } from './customer-list.ts';
export { type CustomerPayouts, createCustomerPayouts } from './customer-payouts.ts';
export { STOREFRONT_LIMITS } from './limits.ts';
export { listingOf } from './listing.ts';
export { createMarketEngines } from './market-engines.ts';
export { createMarketOffers, type MarketOffers } from './market-offers.ts';
export { keepOffers } from './offer-search.ts';
export { createStorefront, type PublicEnvironment, type StorefrontApp } from './service.ts';
export { type BlockList, blockedSchema, createBlockList, createVisitors, type Visitor } from './visitors.ts';
