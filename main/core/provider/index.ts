/** The door of the provider room. */
export {
  type ActiveJob,
  createProviderService,
  PROVIDER_LIMITS,
  type ProviderLimits,
  type ProviderOptions,
  type ProviderService,
} from './service.ts';
