/** Engines of a provider that serves one model: its engine, without memory to divide. */
import type { Engine } from '../../main/ports/engine.ts';
import type { Availability, ModelEngines } from '../../main/ports/model-engines.ts';

/** Every request goes to this engine, whichever model it names: the offer decides which names are served. */
export function oneModel(engine: Engine): ModelEngines {
  const anyAvailability = (): Availability => {
    const status = engine.status();
    if (status.state === 'gave-up') return { kind: 'gave-up' };
    if (status.state !== 'ready') return { kind: 'starting' };
    return { kind: 'available', slots: status.loaded.sequences };
  };
  return {
    anyAvailability,
    availability: anyAvailability,
    hold: () => ({ generate: engine.generate, release: () => undefined }),
  };
}
