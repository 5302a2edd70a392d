/** Recognizes from a header what a model file is for, and the files that can't be served: each kind by its name. */
import { isAppError } from '../../../shared/errors.ts';
import { type ModelFileProblem, type ModelUse, modelFileProblemSchema } from '../../../shared/model-files.ts';
import {
  DRAFT_ARCHITECTURES,
  PROJECTOR_ARCHITECTURES,
  SERVED_ARCHITECTURES,
  SPEECH_ARCHITECTURES,
} from './architectures.ts';
import type { GgufHeader } from './header.ts';
import { checkHeader } from './plausible.ts';

export type FileKind =
  | { readonly use: ModelUse; readonly problem: null }
  | { readonly use: null; readonly problem: ModelFileProblem; readonly detail: string };

/** Values of `pooling_type` in llama.cpp: no vector of all tokens, and a score of two texts. */
const POOLING_NONE = 0;
const POOLING_RANK = 4;
/** A long template is left out of the header's values. */
const TEMPLATE = 'tokenizer.chat_template';
const DETAIL_CHARACTERS_MAX = 200;
/** Names of the parts of a split file, as llama.cpp's tools make them. */
const PART_NAME = /-\d{5}-of-(\d{5})\.gguf$/i;

/** True for the name of one part of several. */
export function isPartName(fileName: string): boolean {
  return Number(PART_NAME.exec(fileName)?.[1] ?? 1) > 1;
}

/** `sizeBytes`: of the whole file. */
export function fileKind(header: GgufHeader, sizeBytes: number): FileKind {
  const { values, longTexts, tensors } = header;
  const architecture = text(values.get('general.architecture'));
  const type = text(values.get('general.type'));
  if (Number(values.get('split.count') ?? 0) > 1) return problem('split');
  if (type === 'mmproj' || PROJECTOR_ARCHITECTURES.has(architecture)) return problem('vision-only');
  if (type === 'adapter' || DRAFT_ARCHITECTURES.has(architecture)) return problem('addition');
  if (type === 'vocab' || (tensors.length === 0 && architecture !== '')) return problem('vocabulary-only');
  if (SPEECH_ARCHITECTURES.has(architecture)) return problem('speech');
  if (architecture !== '' && !SERVED_ARCHITECTURES.has(architecture))
    return problem('unsupported-architecture', architecture);
  if (sizeBytes < header.fileBytesMin) return problem('incomplete');
  try {
    checkHeader(header);
  } catch (error) {
    return kindOfFailure(error);
  }
  const pooling = Number(values.get(`${architecture}.pooling_type`) ?? POOLING_NONE);
  if (pooling === POOLING_RANK) return problem('reranker');
  if (pooling !== POOLING_NONE) return { use: 'embedding', problem: null };
  const canChat = values.has(TEMPLATE) || longTexts.has(TEMPLATE);
  return { use: canChat ? 'chat' : 'text', problem: null };
}

/** Returns the kind of a file that couldn't be read; rethrows an error that says nothing about the file. */
export function kindOfFailure(error: unknown): FileKind {
  if (!isAppError(error, 'model-unavailable')) throw error;
  const reason = modelFileProblemSchema.safeParse(error.details.reason);
  if (!reason.success) throw error;
  return problem(reason.data, reason.data === 'implausible' ? text(error.details.what) : '');
}

function problem(name: ModelFileProblem, detail = ''): FileKind {
  return { use: null, problem: name, detail: detail.slice(0, DETAIL_CHARACTERS_MAX) };
}

function text(value: unknown): string {
  return typeof value === 'string' ? value.replaceAll(/[\p{Cc}\p{Cf}]/gu, '') : '';
}
