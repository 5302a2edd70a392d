/** Public interface of the rate limit. */
export { createRateLimit, type RateLimit, type RateLimitOptions } from './rate-limit.ts';
