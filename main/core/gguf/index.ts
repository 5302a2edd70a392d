/** Public interface of the GGUF module: reads headers of model files and writes such files. */
export { type Configuration, type Matrix, type Mixture, matricesOf } from './configuration.ts';
export { type GgufHeader, parseGgufHeader, readGgufHeader, type TensorInfo } from './header.ts';
export { checkHeader, checkModelFile } from './plausible.ts';
export { BLOCKS, type TensorType, tensorBytes, tensorTypeSchema } from './tensor-types.ts';
export { encodeFloats, type GgufTensor, type GgufValue, writeGguf } from './writer.ts';
