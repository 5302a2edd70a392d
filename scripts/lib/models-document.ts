/** Makes `docs/models.md` from the code: the models of the catalog by size, and where the facts were taken from. */
import { join } from 'node:path';
import { graphicsMemory } from '../../main/core/engine/index.ts';
import { FACTS_DATE, fit, HUB_MODELS, type HubModel } from '../../main/core/models/index.ts';
import { REPOSITORY } from './places.ts';

export const MODELS_DOCUMENT = join(REPOSITORY, 'docs', 'models.md');

const GIB = 1024 ** 3;
/** Memory of usual GPUs, in GB. */
const CARDS = [4, 6, 8, 12, 16, 24] as const;

/** Returns the text of the document. */
export function modelsDocument(): string {
  return `# The models of the catalog

Made from the code by \`node scripts/generators/make-models-document.ts\`; \`npm run check\` compares it.

Each license allows selling answers. *GPU* is the smallest usual GPU into whose memory the model fits with 8,192 tokens of
context, by the estimate of the Models page; in brackets where it fits only tightly. Without a GPU, the machine's free memory
counts. A model that is larger than the GPU's memory is computed partly on the CPU.

${overview()}

The Models page lists the best for the machine first: of those that fit and reach 6 tokens/s, the class with the most
parameters (up to 1, 2, 5, 10, 20, 40 billion), then the latest release, then the fastest. A mixture of experts counts with all
parameters, but its speed is predicted from the active ones. The speed of \`gpt-oss\` (its own quantization), of Qwen3.5 and
Qwen3.6 (recurrent layers) isn't predicted: it is known once the model was loaded here. That of mixtures is predicted,
but was never compared with a real one.

The pooling of an embedding model is stored in its file: the mean of all tokens (Nomic Embed), the first token (BGE-M3) or the
last (Qwen3 Embedding). \`/v1/embeddings\` adds nothing to a text: a prefix that a publisher recommends, such as
\`search_query: \`, is up to the client.

## Sources

Sizes and checksums were taken on ${FACTS_DATE} from public files of other projects that pin the same file, because the hub itself
couldn't be reached. *Stated by* counts the files in which size and checksum stand together. A download is verified against
both, so that a wrong fact can only make it fail. The sizes also agree within 1% with the sum over all tensors by the
publisher's \`config.json\`, where the cost model covers the architecture (\`test/unit/models/configurations.test.ts\`).

${sources()}
`;
}

function overview(): string {
  const rows = HUB_MODELS.map((model) => {
    const { activeParameters } = model;
    const parameters =
      model.parameters + (activeParameters === undefined ? '' : `, ${activeParameters} active`);
    return [
      ...[model.name, model.publisher, model.license, String(model.released), model.strengths.join(', ')],
      ...[parameters, model.quantisation, `${(model.sizeBytes / 1e9).toFixed(2)} GB`, smallestCard(model)],
    ];
  });
  const heads = ['model', 'publisher', 'license', 'released', 'uses', 'parameters', 'quantization', 'file'];
  return table([...heads, 'GPU'], rows);
}

/** Returns the memory of the smallest card into which the model fits. */
function smallestCard(model: HubModel): string {
  const fits = CARDS.map((gigabytes) => [gigabytes, fitOn(model, gigabytes)] as const);
  const easily = fits.find(([, how]) => how === 'fits')?.[0];
  const tightly = fits.find(([, how]) => how === 'tight')?.[0];
  return [
    easily === undefined ? 'larger' : `${easily} GB`,
    ...(tightly === undefined ? [] : [`(${tightly} GB)`]),
  ].join(' ');
}

function fitOn(model: HubModel, gigabytes: number) {
  const card = { kind: 'gpu' as const, name: '', cores: null, memoryBytes: gigabytes * GIB, driver: null };
  return fit(model, { machineBytes: null, graphicsBytes: graphicsMemory([card], []) });
}

function sources(): string {
  const rows = HUB_MODELS.map(({ repository, revision, fileName, sizeBytes, sha256, statedBy }) => [
    `\`${repository}\``,
    `\`${fileName}\``,
    `\`${revision}\``,
    sizeBytes.toLocaleString('en-US'),
    `\`${sha256}\``,
    String(statedBy),
  ]);
  return table(['repository', 'file', 'commit', 'bytes', 'sha256', 'stated by'], rows);
}

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(heads), line(heads.map(() => '---')), ...rows.map(line)].join('\n');
}
