/**
 * Verifies: the calls that we encode ourselves have exactly ethers' data, and ethers decides about everything else.
 * Setup: the real interfaces of our contracts with random content, the smallest and the largest; and arguments in other forms.
 * Fails if: a transaction would carry another amount or receiver than it was made for, or an argument that ethers refuses is
 *   sent.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { hexlify, Interface, type ParamType } from 'ethers';
import settlementArtifact from '../../../contracts/artifacts/BatchSettlement.json' with { type: 'json' };
import tokenArtifact from '../../../contracts/artifacts/PracticeUsdc.json' with { type: 'json' };
import proxyArtifact from '../../../contracts/artifacts/UptoPermit2Proxy.json' with { type: 'json' };
import { encoderOf } from '../../../main/adapters/ethers/call-words.ts';

const ROUNDS = 20;

/** Random, and in the first rounds the smallest and the largest. */
function bytes(length: number, round: number): string {
  return hexlify(round > 1 ? randomBytes(length) : Buffer.alloc(length, round * 255));
}

/** An argument of this type in its plain form. */
function plain({ type, components }: ParamType, round: number): unknown {
  if (components) return Object.fromEntries(components.map((each) => [each.name, plain(each, round)]));
  if (type === 'address') return bytes(20, round);
  if (type === 'bytes') return bytes(round === 0 ? 0 : 1 + ((round * 17) % 130), round);
  if (type === 'bytes32') return bytes(32, round);
  const bits = Number(/^uint(\d+)$/.exec(type)?.[1] ?? assert.fail(type));
  const value = BigInt(bytes(bits / 8, round));
  return round % 2 === 0 ? value.toString() : value;
}

test('the data of every function of our contracts that we encode are those of ethers', () => {
  const encoded: string[] = [];
  for (const { abi } of [settlementArtifact, tokenArtifact, proxyArtifact]) {
    const contract = new Interface(abi);
    contract.forEachFunction((fragment) => {
      const encode = encoderOf(fragment);
      if (encode === null) return;
      encoded.push(fragment.name);
      for (let round = 0; round < ROUNDS; round += 1) {
        const args = fragment.inputs.map((each) => plain(each, round));
        assert.equal(encode(args), contract.encodeFunctionData(fragment, args), `${fragment.name}, ${round}`);
      }
    });
  }
  for (const name of ['settle', 'settleWithPermit', 'balanceOf', 'transferWithAuthorization'])
    assert.ok(encoded.includes(name), name);
});

test('an argument in another form is left to ethers', () => {
  const contract = new Interface([
    'function pay(address to, uint8 share, bytes32 id, (uint256 value, address of) sum, bytes signature)',
    'function give(uint256 value)',
    'function note(string text)',
    'function many(uint256[] values)',
    'function below(int256 value)',
  ]);
  const encode = encoderOf(contract.getFunction('pay') ?? assert.fail());
  const address = `0x${'a'.repeat(40)}`;
  const sound: readonly unknown[] = [
    address,
    255,
    `0x${'1'.repeat(64)}`,
    { value: 1n, of: address },
    '0x1234',
  ];
  assert.equal(encode?.(sound), contract.encodeFunctionData('pay', sound));
  const bent: readonly (readonly [number, unknown])[] = [
    ...[`0xA${'a'.repeat(39)}`, 'ada.eth', `0x${'a'.repeat(39)}`, null].map((value) => [0, value] as const),
    ...[256, -1, 1.5, '0x10', '', '1e3', true, undefined].map((value) => [1, value] as const),
    ...[`0x${'1'.repeat(63)}`, `0x${'1'.repeat(66)}`, new Uint8Array(32)].map((value) => [2, value] as const),
    ...[[1n, address], { value: 1n }, { value: 2n ** 256n, of: address }, null].map((v) => [3, v] as const),
    ...['0x123', '1234', new Uint8Array(2), null].map((value) => [4, value] as const),
  ];
  for (const [index, value] of bent) assert.equal(encode?.(sound.with(index, value)), null, String(value));
  const give = encoderOf(contract.getFunction('give') ?? assert.fail());
  assert.notEqual(give?.([1n]), null);
  for (const args of [[], [1n, 2n]]) assert.equal(give?.(args), null, `${args.length} arguments`);
  for (const name of ['note', 'many', 'below'])
    assert.equal(encoderOf(contract.getFunction(name) ?? assert.fail()), null, name);
});
