/** Port for Bittensor's hotkeys: sr25519 keys whose addresses are in SS58. */

/** The hotkey of this machine. */
export interface Hotkey {
  readonly address: string;
  /** Returns `0x` and the 64 bytes in hex. Two signatures of one message differ. */
  sign(message: string): string;
}

export interface SignedMessage {
  readonly address: string;
  readonly message: string;
  /** 64 bytes in hex. */
  readonly signature: string;
}

export interface Hotkeys {
  /** Returns 32 random bytes in hex. */
  newSeed(): string;
  /** Fails with `bad-request` if the seed isn't 32 bytes in hex. */
  open(seed: string): Hotkey;
  /** True for an address of Bittensor with a correct checksum. */
  isAddress(text: string): boolean;
  /** False for anything that is malformed, too. Takes a few milliseconds of the calling thread. */
  verify(signed: SignedMessage): boolean;
  /** SHA3-256 of a text (UTF-8), in hex. */
  sha3(text: string): string;
}
