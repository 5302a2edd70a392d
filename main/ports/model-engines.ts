/** The engines of all served models, as the provider uses them: by the model of a request. */
import type { OfferedPrice } from '../../shared/price.ts';
import type { Engine } from './engine.ts';

/** State of a model for a job that wants to begin. */
export type Availability =
  /** It can, with this many answers at a time; the model may have to be loaded first. */
  | { readonly kind: 'available'; readonly slots: number }
  /** This machine doesn't serve the model. */
  | { readonly kind: 'unknown' }
  /** Its engine is being started. */
  | { readonly kind: 'starting' }
  /** Its engine failed too often. */
  | { readonly kind: 'gave-up' }
  /** Other models that have jobs take the memory. */
  | { readonly kind: 'no-memory' };

/** A model that stays loaded, or is loaded with the first request, until it is released. */
export interface HeldModel {
  readonly generate: Engine['generate'];
  /** May be called again. */
  release(): void;
}

export interface ModelEngines {
  availability(modelId: string): Availability;
  /** Of any model. */
  anyAvailability(): Availability;
  /** Holds a model that is available. `price` is that of the job, for engines that buy what they generate. */
  hold(modelId: string, price?: OfferedPrice): HeldModel;
}
