/** Public interface of the benchmark module: measures this machine and predicts the speed of models. */
export {
  type Benchmark,
  type BenchmarkDependencies,
  type BenchmarkState,
  createBenchmark,
} from './benchmark.ts';
export { joinProbes } from './join-probes.ts';
export type { OfferSpeeds, Served } from './measured.ts';
export {
  createPredictions,
  type ModelSpeed,
  type Predictions,
  type PredictionsDependencies,
} from './predictions.ts';
export { createShapes, type Shapes } from './shapes.ts';
