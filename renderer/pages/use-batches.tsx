/** Card of the page "Buy inference": a file to drop, and the batches with progress, cost, results and a way to cancel. */

import { useState } from 'react';
import { DropZone, type DropZoneProps } from 'react-aria-components/DropZone';
import { FileTrigger } from 'react-aria-components/FileTrigger';
import { Text } from 'react-aria-components/Text';
import { type BatchView, FILE_PART_BYTES_MAX } from '../../shared/api/batches.ts';
import { ENDED_STATUSES } from '../../shared/batches.ts';
import { useAction } from '../calls.ts';
import { writeDuration, writeNumber, writePercent } from '../format.ts';
import { Amount } from '../parts/amount.tsx';
import { ActionButton, buttonClass } from '../parts/button.tsx';
import { Card } from '../parts/card.tsx';
import { Confirm } from '../parts/confirm.tsx';
import { Empty } from '../parts/empty.tsx';
import { ProblemNote } from '../parts/problem.tsx';
import { Progress } from '../parts/progress.tsx';
import { Row, Rows } from '../parts/rows.tsx';
import { useStrings } from '../parts/strings.ts';
import { agent, useSection } from '../store.ts';

export function Batches() {
  const { t } = useStrings();
  const { list } = useSection('batches');
  return (
    <Card title={t('batches.title')} aside={<span className="sm soft">{t('batches.note')}</span>}>
      <Upload />
      {list.length === 0 ? (
        <Empty title={t('batches.none')}>
          <p>{t('batches.noneNext')}</p>
        </Empty>
      ) : (
        <Rows>
          {list.map((batch) => (
            <Batch key={batch.id} batch={batch} />
          ))}
        </Rows>
      )}
    </Card>
  );
}

function Upload() {
  const { t, language } = useStrings();
  const [fraction, setFraction] = useState(0);
  const upload = useAction((file: File) => uploadBatch(file, setFraction));
  const drop = async (event: Parameters<NonNullable<DropZoneProps['onDrop']>>[0]) => {
    const item = event.items.find((each) => each.kind === 'file');
    if (item?.kind === 'file') upload.run(await item.getFile());
  };
  return (
    <div className="batch-upload">
      <DropZone className="drop-zone" aria-label={t('batches.drop')} onDrop={(event) => void drop(event)}>
        <Text slot="label">{t('batches.drop')}</Text>
        <FileTrigger
          acceptedFileTypes={['.jsonl', '.ndjson', 'application/jsonl']}
          onSelect={(files) => {
            const file = files?.[0];
            if (file) upload.run(file);
          }}
        >
          <ActionButton icon="file" isSmall isDisabled={upload.busy}>
            {t('batches.choose')}
          </ActionButton>
        </FileTrigger>
      </DropZone>
      {upload.busy ? (
        <Progress
          label={t('batches.title')}
          fraction={fraction}
          text={t('batches.uploading', { percent: writePercent(fraction * 100, language) })}
        />
      ) : null}
      <ProblemNote problem={upload.problem} />
    </div>
  );
}

function Batch({ batch }: { batch: BatchView }) {
  const { t, language } = useStrings();
  const { asset } = useSection('money');
  const { total, completed, failed, status, wait, leftMs, error } = batch;
  const done = completed + failed;
  const number = (value: number) => writeNumber(value, language);
  const facts = [
    wait === null ? t(`batches.status.${status}`) : t(`batches.wait.${wait}`),
    ...(total === 0 ? [] : [t('batches.lines', { done: number(done), total: number(total) })]),
    ...(failed === 0 ? [] : [t('batches.failedLines', { count: failed, written: number(failed) })]),
    ...(leftMs === null ? [] : [t('batches.left', { time: writeDuration(leftMs, language) })]),
  ];
  const hasEnded = ENDED_STATUSES.includes(status);
  return (
    <Row
      icon="file"
      title={<b>{batch.name ?? t('batches.noName')}</b>}
      note={facts.join(' · ')}
      end={<Amount baseUnits={batch.charged} asset={asset} />}
    >
      {error === null ? null : (
        <span className="sm">
          {error.line === null
            ? error.message
            : t('batches.lineError', { line: number(error.line), message: error.message })}
        </span>
      )}
      {hasEnded || total === 0 ? null : (
        <Progress
          label={batch.name ?? t('batches.noName')}
          fraction={done / total}
          text={writePercent((done / total) * 100, language)}
        />
      )}
      <Actions batch={batch} hasEnded={hasEnded} />
    </Row>
  );
}

function Actions({ batch, hasEnded }: { batch: BatchView; hasEnded: boolean }) {
  const { t } = useStrings();
  const cancel = useAction((id: string) => agent.batches.cancel({ id }));
  const save = useAction(saveFile);
  const { outputFileId, errorFileId } = batch;
  const name = batch.name ?? t('batches.noName');
  const mayCancel = !hasEnded && batch.status !== 'finalizing' && batch.status !== 'cancelling';
  return (
    <span className="batch-actions">
      {outputFileId === null ? null : (
        <ActionButton icon="down" isSmall isDisabled={save.busy} onPress={() => save.run(outputFileId)}>
          {t('batches.results')}
        </ActionButton>
      )}
      {errorFileId === null ? null : (
        <ActionButton icon="down" isSmall isDisabled={save.busy} onPress={() => save.run(errorFileId)}>
          {t('batches.errors')}
        </ActionButton>
      )}
      {mayCancel ? (
        <Confirm
          button={t('batches.cancel')}
          buttonLabel={t('batches.cancelOne', { name })}
          className={buttonClass({ isSmall: true })}
          isDisabled={cancel.busy}
          title={t('batches.cancelTitle')}
          act={t('batches.cancelAct')}
          isDanger
          onAct={() => cancel.run(batch.id)}
        >
          <p>{t('batches.cancelText')}</p>
        </Confirm>
      ) : null}
      <span className="for-readers" role="status">
        {save.result ? t('batches.saved', { name: save.result }) : ''}
      </span>
      <ProblemNote problem={cancel.problem ?? save.problem} />
    </span>
  );
}

/** Sends the file in parts, each when the agent has taken the one before, and begins the batch. */
async function uploadBatch(file: File, onProgress: (fraction: number) => void): Promise<void> {
  const { id } = await agent.batches.openUpload({ name: file.name });
  for (let offset = 0; offset < file.size; offset += FILE_PART_BYTES_MAX) {
    onProgress(offset / file.size);
    const part = await file.slice(offset, offset + FILE_PART_BYTES_MAX).arrayBuffer();
    await agent.batches.addPart({ id, base64: toBase64(new Uint8Array(part)) });
  }
  onProgress(1);
  await agent.batches.create({ id, endpoint: null });
}

/** Reads the file in parts, and has the browser save it. Resolves with its name. */
async function saveFile(id: string): Promise<string> {
  const parts: BlobPart[] = [];
  for (let offset = 0; ; ) {
    const { base64, bytes, name } = await agent.batches.readPart({ id, offset });
    const part = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    parts.push(part);
    offset += part.length;
    if (offset < bytes && part.length > 0) continue;
    const url = URL.createObjectURL(new Blob(parts, { type: 'application/jsonl' }));
    const link = document.createElement('a');
    link.href = url;
    link.download = name;
    link.click();
    URL.revokeObjectURL(url);
    return name;
  }
}

function toBase64(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}
