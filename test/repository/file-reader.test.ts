import { appendFileSync, existsSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fromText } from '../../files/byte-path.ts';
import { isReadFailure, type FileIdentity, type FileRead } from '../../repository/archive-messages.ts';
import { sha256Hex } from '../../repository/crypto.ts';
import { FileReader, type BlobSink } from '../../repository/file-reader.ts';
import { noise } from './odd-tree.ts';
import { withTemporaryFolder } from './repository-fixture.ts';

const POLYNOMIAL = '3da3358b4dc173';

function identityOf(file: string): FileIdentity {
  const { ino, size, mtimeNs, ctimeNs } = statSync(file, { bigint: true });
  return { inode: ino, sizeBytes: Number(size), mtimeNs, ctimeNs };
}

/** Reads the file; `onReading` is called at the first blob of each reading, with its number. */
function read(file: string, identity: FileIdentity, onReading: (number: number) => void) {
  const blobs = new Map<string, Buffer>();
  const first = sha256Hex(noise(FIRST_BYTES, 'begin'));
  let readings = 0;
  const sink: BlobSink = (plain) => {
    const id = sha256Hex(plain);
    blobs.set(id, Buffer.from(plain));
    // Every reading begins with the same chunk, as the file is only appended to.
    if (sha256Hex(plain.subarray(0, FIRST_BYTES)) === first) onReading(++readings);
    return id;
  };
  const result = new FileReader(POLYNOMIAL, new Int32Array(1)).readFile({ path: fromText(file), identity }, sink);
  if (isReadFailure(result)) throw new Error(result.message);
  return { result, readings, content: Buffer.concat(result.content.map((id) => blobs.get(id)!)) };
}

const FIRST_BYTES = 1000;
const PAGED_FILE = '/proc/kallsyms';

function withFile(body: (file: string) => void): Promise<void> {
  return withTemporaryFolder(async (folder) => {
    const file = join(folder, 'file');
    writeFileSync(file, Buffer.concat([noise(FIRST_BYTES, 'begin'), noise(3_000_000, 'rest')]));
    body(file);
  });
}

describe('a file that is read', () => {
  it('and is what the walk found is read once', () =>
    withFile((file) => {
      const { result, readings, content } = read(file, identityOf(file), () => undefined);
      expect([readings, content.length, result]).toEqual([1, 3_001_000, expectRead(3_001_000)]);
    }));

  it('and changed while it was read is read once more, and not flagged when it then stays', () =>
    withFile((file) => {
      const before = identityOf(file);
      const { result, readings, content } = read(file, before, (number) => {
        if (number === 1) appendFileSync(file, 'more');
      });
      expect(readings).toBe(2);
      expect(content.subarray(-4).toString()).toBe('more');
      expect(result).toEqual({ ...expectRead(3_001_004), identity: identityOf(file) });
    }));

  it('and changes during the second reading, too, is flagged, with the identity of before that', () =>
    withFile((file) => {
      const identities: FileIdentity[] = [];
      const { result, readings } = read(file, identityOf(file), () => {
        identities.push(identityOf(file));
        appendFileSync(file, 'more');
      });
      expect(readings).toBe(2);
      expect(result).toMatchObject({ changedWhileRead: true, identity: identities[1] });
    }));

  it('and changed since the walk is read once more, too: nobody knows when it changed', () =>
    withFile((file) => {
      const before = identityOf(file);
      appendFileSync(file, 'more');
      const { result, readings } = read(file, before, () => undefined);
      expect(readings).toBe(2);
      expect(result).toEqual({ ...expectRead(3_001_004), identity: identityOf(file) });
    }));

  // The kernel gives it page by page, and says that it has no size.
  it.runIf(existsSync(PAGED_FILE))(
    'is read to its end where the system gives less at a time than was asked for',
    () => {
      const expected = readFileSync(PAGED_FILE);
      expect(expected.length).toBeGreaterThan(100_000);
      for (const sizeBytes of [0, expected.length]) {
        const { content } = read(PAGED_FILE, { ...identityOf(PAGED_FILE), sizeBytes }, () => undefined);
        expect(content.equals(expected)).toBe(true);
      }
    },
  );

  it('and became a link since the walk is not followed', () =>
    withFile((file) => {
      const before = identityOf(file);
      rmSync(file);
      symlinkSync('/etc/hostname', file);
      expect(() => read(file, before, () => undefined)).toThrow(/ELOOP|symbolic/);
    }));
});

function expectRead(sizeBytes: number): FileRead {
  return { content: expect.any(Array) as string[], sizeBytes };
}
