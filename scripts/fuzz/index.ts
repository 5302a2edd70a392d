/** Every parser that bytes of strangers reach. */
import { ANSWER_TARGETS } from './answers.ts';
import { FILE_TARGETS } from './files.ts';
import { HOTKEY_TARGETS } from './hotkeys.ts';
import { NETWORK_TARGETS } from './network.ts';
import { PEER_TARGETS } from './peers.ts';
import { PROOF_TARGETS } from './proofs.ts';
import { REQUEST_TARGETS } from './requests.ts';
import type { Target } from './target.ts';

export const TARGETS: readonly Target[] = [
  ...REQUEST_TARGETS,
  ...HOTKEY_TARGETS,
  ...PROOF_TARGETS,
  ...ANSWER_TARGETS,
  ...FILE_TARGETS,
  ...NETWORK_TARGETS,
  ...PEER_TARGETS,
];
