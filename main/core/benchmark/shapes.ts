/** The shapes of the catalogue's models: from a file's own header once it is here, until then from what was published. */
import { readGgufHeader } from '../gguf/index.ts';
import { type ModelStore, modelFacts } from '../models/index.ts';
import { type ModelShape, shapeOfConfiguration, shapeOfHeader } from './model-shape.ts';

export interface Shapes {
  /** Null where nobody knows, or for an architecture that the costs do not speak of. */
  shape(modelId: string): ModelShape | null;
  close(): void;
}

/** `onChange` is called when a file said more than was published. */
export function createShapes(models: ModelStore, onChange: () => void): Shapes {
  const read = new Map<string, ModelShape | null>();
  const reading = new Set<string>();
  const published = new Map<string, ModelShape | null>();

  /** A header that cannot be read leaves what was published; the engine says what is wrong with the file. */
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

  function update(): void {
    for (const { id, state } of models.list()) {
      if (state === 'ready' && !reading.has(id)) void readHeader(id);
      // Another file may come in its place.
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

  update();
  const close = models.onChange(update);
  return { shape: (id) => read.get(id) ?? publishedShape(id), close };
}
