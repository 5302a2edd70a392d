/** Exports the ledger from the page: the agent streams the file, and the browser saves it. */
import { EXPORT_EXTENSIONS, EXPORT_FORMATS, type ExportFormat } from '../../shared/exports.ts';
import { useAction } from '../calls.ts';
import { MenuButton } from '../parts/menu.tsx';
import { ProblemNote } from '../parts/problem.tsx';
import { useStrings } from '../parts/strings.ts';
import { agent } from '../store.ts';

export function ExportMenu() {
  const { t } = useStrings();
  const save = useAction(saveExport);
  return (
    <>
      <MenuButton
        label={t('exports.button')}
        icon="down"
        isSmall
        isDisabled={save.busy}
        choices={EXPORT_FORMATS.map((format) => ({
          id: format,
          label: t(`exports.format.${format}`),
          onAction: () => save.run(format),
        }))}
      >
        {t(save.busy ? 'exports.busy' : 'exports.button')}
      </MenuButton>
      <span className="for-readers" role="status">
        {save.result ? t('exports.done', { name: save.result }) : ''}
      </span>
      <ProblemNote problem={save.problem} />
    </>
  );
}

/** Resolves with the file's name. */
async function saveExport(format: ExportFormat): Promise<string> {
  const pieces: string[] = [];
  for await (const piece of await agent.earnings.export({ format, from: null, to: null })) pieces.push(piece);
  const day = new Date().toISOString().slice(0, 'YYYY-MM-DD'.length);
  const name = `idlewatt-${format}-${day}.${EXPORT_EXTENSIONS[format]}`;
  const url = URL.createObjectURL(new Blob(pieces, { type: 'text/plain;charset=utf-8' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
  return name;
}
