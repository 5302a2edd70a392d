/** Machine page: libraries for GPUs that the engine doesn't use, why, and what computes instead. */
import type { AgentState } from '../../shared/api/state.ts';
import { deviceKindOf } from '../../shared/devices.ts';
import { GRAPHICS_BACKENDS, type GraphicsProblem } from '../../shared/graphics-problems.ts';
import { Note } from '../parts/note.tsx';
import { useStrings } from '../parts/strings.ts';
import { useSection } from '../store.ts';
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

function sentence({ backend, why, detail }: GraphicsProblem) {
  const name = NAMES[backend];
  if (why === 'library' && detail === null) return ['machine.graphics.unnamed', { backend: name }] as const;
  return [`machine.graphics.${why}`, { backend: name, detail: detail ?? '' }] as const;
}
