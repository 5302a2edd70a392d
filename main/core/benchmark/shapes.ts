/** Shapes of the catalog's models: from the header of a downloaded file, otherwise from the published configuration. */
import { readGgufHeader } from '../gguf/index.ts';
import { type ModelStore, modelFacts } from '../models/index.ts';
import { type ModelShape, shapeOfConfiguration, shapeOfHeader } from './model-shape.ts';

export interface Shapes {
  /**
   * Returns null if the shape is unknown, if the cost model doesn't cover the architecture, or if GPU and CPU would share the
   * model: costs are those of one kind of device.
   */
  shape(modelId: string): ModelShape | null;
  close(): void;
}

/** Calls `onChange` after a file header replaced a published configuration. */
export function createShapes(
  models: Pick<ModelStore, 'list' | 'ensure' | 'onChange'>,
  onChange: () => void,
): Shapes {
  const read = new Map<string, ModelShape | null>();
  const reading = new Set<string>();
  const published = new Map<string, ModelShape | null>();

  /** If the header cannot be read, the published shape remains; the engine reports the problem with the file. */
  async function readHeader(id: string): Promise<void> {
    reading.add(id);
    try {
      const { path } = await models.ensure(id);
      read.set(id, shapeOfHeader(await readGgufHeader(path)));
      onChange();
    } catch {
      read.delete(id);
    }
  }

  function checkModels(): void {
    for (const { id, state } of models.list()) {
      if (state === 'ready' && !reading.has(id)) void readHeader(id);
      // Another file may take its place.
      if (state === 'absent') {
        read.delete(id);
        reading.delete(id);
      }
    }
  }

  function publishedShape(id: string): ModelShape | null {
    const known = published.get(id);
    if (known !== undefined) return known;
    const facts = modelFacts(id);
    const shape = facts && shapeOfConfiguration(facts.configuration, facts.mixture);
    published.set(id, shape);
    return shape;
  }

  checkModels();
  const close = models.onChange(checkModels);
  const isShared = (id: string) => models.list().some((model) => model.id === id && model.fit === 'partly');
  return { shape: (id) => (isShared(id) ? null : (read.get(id) ?? publishedShape(id))), close };
}
