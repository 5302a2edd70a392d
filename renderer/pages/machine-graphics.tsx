/** Machine page: libraries for GPUs that the engine doesn't use, why, what computes instead, and fetching CUDA. */
import type { AgentState } from '../../shared/api/state.ts';
import { deviceKindOf } from '../../shared/devices.ts';
import { GRAPHICS_BACKENDS, type GraphicsProblem } from '../../shared/graphics-problems.ts';
import { useAction } from '../calls.ts';
import { writeBytes } from '../format.ts';
import { ActionButton } from '../parts/button.tsx';
import { Note } from '../parts/note.tsx';
import { ProblemNote } from '../parts/problem.tsx';
import { Progress } from '../parts/progress.tsx';
import { useStrings } from '../parts/strings.ts';
import { agent, useSection } from '../store.ts';
import { concerning } from './graphics-problems.ts';

type Device = AgentState['machine']['devices'][number];

const NAMES: Readonly<Record<GraphicsProblem['backend'], string>> = {
  cuda: 'CUDA',
  metal: 'Metal',
  vulkan: 'Vulkan',
};
export function GraphicsProblems({ cards }: { cards: readonly Device[] }) {
  const { t } = useStrings();
  const { graphicsProblems, backend } = useSection('work');
  const shown = concerning(graphicsProblems, cards);
  if (shown.length === 0 || backend === null) return null;
  const used = GRAPHICS_BACKENDS.find((name) => name === backend);
  return (
    <div className="row-line">
      <Note tone={deviceKindOf(backend) === 'cpu' ? 'warning' : 'info'}>
        {shown.map((problem) => (
          <p key={problem.backend}>{t(...sentence(problem))}</p>
        ))}
        <p>
          {used === undefined
            ? t('machine.graphics.cpuInstead')
            : t('machine.graphics.gpuInstead', { backend: NAMES[used] })}
        </p>
      </Note>
    </div>
  );
}

/** Fetches CUDA, which the packages don't contain: the button names its size, and nothing is fetched before. */
export function CudaDownload() {
  const { t, language } = useStrings();
  const { libraries } = useSection('machine');
  const act = useAction((what: keyof typeof agent.libraries) => agent.libraries[what]({}));
  if (libraries === null) return null;
  const { state, progress, error, downloadBytes } = libraries;
  const model = NAMES.cuda;
  const what = state === 'ready' ? 'remove' : progress === null ? 'download' : 'cancel';
  const size = writeBytes(downloadBytes, language);
  return (
    <>
      <div className="row-line">
        <ActionButton isSmall isDisabled={act.busy} onPress={() => act.run(what)}>
          {t(`models.${what}Label`, { model, size })}
        </ActionButton>
        {what === 'download' ? (
          <span className="sm soft">{t('models.license', { license: LICENSE })}</span>
        ) : null}
      </div>
      <div className="models-more">
        {progress === null ? null : (
          <Progress
            label={t('models.downloading', { model })}
            fraction={progress.receivedBytes / downloadBytes}
            text={t('models.received', {
              received: writeBytes(progress.receivedBytes, language),
              total: size,
            })}
          />
        )}
        {error === null ? null : (
          <Note tone="error" role="status" title={t('models.failed')}>
            {error}
          </Note>
        )}
        <ProblemNote problem={act.problem} />
      </div>
    </>
  );
}

const LICENSE = 'NVIDIA CUDA Toolkit EULA';

function sentence({ backend, why, detail }: GraphicsProblem) {
  const name = NAMES[backend];
  if (why === 'library' && detail === null) return ['machine.graphics.unnamed', { backend: name }] as const;
  return [`machine.graphics.${why}`, { backend: name, detail: detail ?? '' }] as const;
}
