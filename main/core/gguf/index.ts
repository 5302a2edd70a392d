/** Public interface of the GGUF module: reads headers of model files and writes such files. */

export { SERVED_ARCHITECTURES } from './architectures.ts';
export { type Configuration, type Experts, type Matrix, type Mixture, matricesOf } from './configuration.ts';
export { type FileKind, fileKind, isPartName, kindOfFailure } from './file-kind.ts';
export {
  type GgufHeader,
  HEADER_BYTES_MAX,
  parseGgufHeader,
  parseGgufStart,
  readGgufHeader,
  type TensorInfo,
} from './header.ts';
export { checkHeader, checkModelFile } from './plausible.ts';
export { BLOCKS, type TensorType, tensorBytes, tensorTypeSchema } from './tensor-types.ts';
export { encodeFloats, type GgufTensor, type GgufValue, writeGguf } from './writer.ts';
