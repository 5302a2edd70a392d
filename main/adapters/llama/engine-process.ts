/**
 * Entry of the engine process: receives commands from its parent over IPC, computes at the lowest priority, and exits
 * when the parent is gone. It has no keys, no database and no network; sandbox.ts enforces this.
 */
import { getLlama, type Llama } from 'node-llama-cpp';
import { assertNever } from '../../../shared/assert.ts';
import { AppError } from '../../../shared/errors.ts';
import type { GraphicsProblem } from '../../../shared/graphics-problems.ts';
import { createInOrder } from '../../../shared/in-order.ts';
import type { SandboxReport } from '../../../shared/sandbox.ts';
import {
  type EngineCommand,
  type EngineEvent,
  type EngineFailure,
  type EngineReport,
  engineCommandSchema,
} from '../../ports/engine-process.ts';
import { refuseDebugger } from '../../ports/no-debugger.ts';
import { lowerPriority } from '../../ports/priority.ts';
import { createDuty } from './duty.ts';
import { createEventBatch } from './event-batch.ts';
import { useFetchedPackage } from './fetched-package.ts';
import { NO_GRAPHICS, ONLY_CUDA, readFetchedPackage } from './graphics-parameters.ts';
import { graphicsProblems, systemSearch } from './graphics-problems.ts';
import { type LlamaRunner, loadRunner } from './llama-model.ts';
import { enterSandbox } from './sandbox.ts';
import { orProcessor } from './usable-cards.ts';

const LLAMA = { build: 'never', maxThreads: 0, progressLogs: false, logger: () => {} } as const;

refuseDebugger();
lowerPriority();

const fetched = readFetchedPackage(process.argv);
if (fetched !== null) useFetchedPackage(fetched);

let llama: Llama | null = null;
let withoutCards: Llama | null = null;
let sandbox: SandboxReport | null = null;
let runner: LlamaRunner | null = null;
const running = new Map<number, { controller: AbortController; done: Promise<void> }>();
const duty = createDuty();
/** See the command `threads`. */
let threadsMax: number | null = null;
const inOrder = createInOrder();
const events = createEventBatch((batch) => report({ type: 'events', events: batch }));

process.on('message', (message) => {
  // An invalid command is a bug of the supervisor: throws, which ends the process; the supervisor restarts it.
  const command = engineCommandSchema.parse(message);
  switch (command.type) {
    case 'generate':
      start(command);
      break;
    case 'abort':
      running.get(command.id)?.controller.abort();
      break;
    case 'duty':
      duty.set(command.percent);
      break;
    case 'threads':
      threadsMax = command.max;
      break;
    case 'load':
      change(async () => {
        await unload();
        llama ??= await openLlama();
        sandbox ??= enterSandbox();
        const pace = { duty, threadsMax: () => threadsMax };
        runner = await loadRunner({ preferred: llama, processor: openProcessor }, command, pace);
        report({
          type: 'loaded',
          request: command.request,
          report: { ...runner.report, sandbox, graphicsProblems: problemsOf(runner.report.backend) },
        });
      }, command.request);
      break;
    case 'unload':
      change(async () => {
        await unload();
        report({ type: 'unloaded', request: command.request });
      }, command.request);
      break;
    case 'exit':
      change(async () => {
        await unload();
        process.exit(0);
      }, 0);
      break;
    default:
      assertNever(command);
  }
});

// The channel closes when the parent ends: no result is needed any more.
process.on('disconnect', () => process.exit(0));

/** Uses the GPUs that the owner left on, or only the CPU if there are none or they cannot be used. */
async function openLlama(): Promise<Llama> {
  if (process.argv.includes(NO_GRAPHICS)) return openProcessor();
  if (!process.argv.includes(ONLY_CUDA)) return orProcessor(await getLlama(LLAMA), openProcessor);
  try {
    return await orProcessor(await getLlama({ ...LLAMA, gpu: 'cuda' }), openProcessor);
  } catch {
    return openProcessor();
  }
}

/** Only of libraries that the owner's choice of GPUs allows. */
function problemsOf(backend: string): GraphicsProblem[] {
  if (process.argv.includes(NO_GRAPHICS)) return [];
  const found = graphicsProblems(backend, systemSearch(fetched));
  return process.argv.includes(ONLY_CUDA) ? found.filter((problem) => problem.backend === 'cuda') : found;
}

async function openProcessor(): Promise<Llama> {
  withoutCards ??= await getLlama({ ...LLAMA, gpu: false });
  return withoutCards;
}

/** Loading and unloading happen one after the other. */
function change(step: () => Promise<void>, request: number): void {
  inOrder(step).catch((error: unknown) =>
    report({ type: 'failed', request, failure: toFailure(error, 'model-unavailable') }),
  );
}

async function unload(): Promise<void> {
  for (const { controller } of running.values()) controller.abort();
  await Promise.all([...running.values()].map((generation) => generation.done));
  await runner?.dispose();
  runner = null;
}

function start(command: Extract<EngineCommand, { type: 'generate' }>): void {
  const { id } = command;
  const controller = new AbortController();
  const done = (async () => {
    try {
      if (!runner) throw new AppError('model-unavailable', 'No model is loaded.');
      const add = (event: EngineEvent) => events.add(event);
      // Sends the end only when the sequence is free, because the supervisor then sends the next request.
      add(await runner.generate(command, controller.signal, add));
    } catch (error) {
      events.add({ type: 'failed', id, failure: toFailure(error, 'engine-failed') });
    } finally {
      running.delete(id);
    }
  })();
  running.set(id, { controller, done });
}

function report(message: EngineReport): void {
  process.send?.(message);
}

/** Never passes on the texts of foreign errors: they could quote a prompt or a response. */
function toFailure(error: unknown, code: EngineFailure['code']): EngineFailure {
  if (!(error instanceof AppError)) return { code, message: 'The engine failed.', details: {} };
  const known: EngineFailure['code'][] = ['bad-request', 'context-exceeded', 'model-unavailable'];
  const own = known.find((candidate) => candidate === error.code) ?? code;
  return { code: own, message: error.message, details: { ...error.details } };
}
