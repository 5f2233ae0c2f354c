import { scryptSync } from 'node:crypto';
import { zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HoldfastError, IntegrityError } from '../../common/errors.ts';
import { BlobIndex } from '../../repository/blob-index.ts';
import { createConfig, parseConfig } from '../../repository/config.ts';
import { compressUnpacked } from '../../repository/compression.ts';
import { generateMasterKey, open, prepareKey, seal, sha256Hex } from '../../repository/crypto.ts';
import { decodeIndexFile, encodeIndexFiles } from '../../repository/index-file.ts';
import { scanIndexFile } from '../../repository/index-scan.ts';
import { createKeyFile, openKeyFile, parseKeyFile } from '../../repository/key-file.ts';
import { currentHolder, decodeLock, describeLock, encodeLock, isStale } from '../../repository/lock-file.ts';
import { loadNativeDecompressor } from '../../repository/native-zstd.ts';
import { openBlob, PackBuilder, readPackHeader } from '../../repository/pack.ts';
import { packEntries } from '../../repository/pack-entries.ts';
import { compareSnapshots, decodeSnapshot, encodeSnapshot } from '../../repository/snapshot-file.ts';
import { readTreeReferences } from '../../repository/tree-references.ts';
import { decodeTree, encodeTree } from '../../repository/tree-node.ts';
import { openUnpacked } from '../../repository/unpacked-file.ts';
import { hostileBytes, mutatedBytes } from './hostile-bytes.ts';

/** Cases of packs and index files; other documents have fewer. */
const MANY = 100_000;
const SOME = 10_000;
const ID = sha256Hex(Buffer.from('name'));
const KEY = prepareKey(generateMasterKey());

const TIME = '2026-11-23T02:10:00.123456789+01:00';

const TREE = {
  nodes: [
    { ...times('a'), type: 'dir', mode: 2147484141, content: null, subtree: ID },
    { ...times('b\\x80'), type: 'file', mode: 420, inode: 7, size: 9, links: 1, content: [ID, ID] },
    { ...times('l'), type: 'symlink', linktarget: 'a', content: null },
    {
      ...times('x'),
      type: 'chardev',
      device: 259,
      user: 'root',
      extended_attributes: [{ name: 'user.x', value: 'eA==' }],
      generic_attributes: { a: 1 },
      content: null,
    },
  ],
};

const SNAPSHOT = {
  time: TIME,
  parent: ID,
  tree: ID,
  paths: ['/srv'],
  hostname: 'app-01',
  username: 'root',
  uid: 0,
  gid: 0,
  excludes: ['*.tmp'],
  tags: ['holdfast'],
  original: ID,
  program_version: 'restic 0.19.0',
  summary: { backup_start: TIME, files_new: 1 },
  future: { a: [1] },
};

const INDEX = {
  supersedes: [ID],
  packs: [
    { id: ID, blobs: [{ id: ID, type: 'data', offset: 0, length: 40, uncompressed_length: 90 }] },
    { id: sha256Hex(Buffer.from('other')), blobs: [{ id: ID, type: 'tree', offset: 40, length: 38 }] },
  ],
};

/** As the quick reader of index files knows it. */
const PLAIN_INDEX = encoded({ packs: INDEX.packs });

const LOCK = JSON.parse(encodeLock({ ...currentHolder(), time: new Date(), exclusive: true }).toString()) as unknown;

/** Where a case hangs, this ends the test. */
const LIMIT = { timeout: 240_000 };

describe('bytes that nobody should have stored are IntegrityError or read as they are,', LIMIT, () => {
  it('as an index file', () =>
    expectIntegrity(fc.oneof(hostileBytes(encoded(INDEX), INDEX), hostileBytes(PLAIN_INDEX)), MANY, (bytes) => {
      const packs = outcomeOf(() => decodeIndexFile(bytes, ID));
      const scanned = scanIndexFile(bytes);
      // The quick reader leaves all that is odd to the other one, and otherwise says the same.
      if (scanned !== undefined) expect(packs instanceof Error || packs.map(packEntries)).toEqual(scanned);
      if (packs instanceof Error) throw packs;
      const index = new BlobIndex();
      for (const pack of packs) index.add(pack);
      const again = Array.from(encodeIndexFiles(index.packs()), (document) => decodeIndexFile(document, ID)).flat();
      // A pack that is named twice is taken once.
      const first = packs.filter(({ id }, place) => packs.findIndex((pack) => pack.id === id) === place);
      expect(JSON.stringify(again)).toBe(JSON.stringify(first));
    }));

  it('as a pack, its header sealed or not', () => {
    const { pack, content } = packOf([Buffer.from('orders '.repeat(30)), Buffer.from('x')]);
    const length = content.readUInt32LE(content.length - 4);
    const header = content.subarray(content.length - 4 - length, content.length - 4);
    const resealed = hostileBytes(open(KEY, header, 'header')).map((bytes) => withHeader(content, bytes));
    const any = fc.oneof({ arbitrary: resealed, weight: 3 }, { arbitrary: hostileBytes(content), weight: 1 });
    expectIntegrity(any, MANY, (bytes) => {
      for (const blob of readPackHeader(KEY, bytes, pack.id)) {
        expect(blob.id).toMatch(/^[0-9a-f]{64}$/);
        expect(blob.length).toBeGreaterThanOrEqual(0);
      }
    });
  });

  it('as a blob, with any length that the index may claim, by Node’s decompressor and the native one', () => {
    const plain = Buffer.from('orders and invoices '.repeat(20));
    const compressed = zstdCompressSync(plain);
    const native = loadNativeDecompressor();
    const length = fc.constantFrom(undefined, 0, 1, plain.length - 1, plain.length, 2 ** 23, 2 ** 29, 2 ** 32 - 1);
    const cases = fc.tuple(hostileBytes(compressed), length);
    expectIntegrity(cases, SOME, ([bytes, uncompressedLength]) => {
      const stored = seal(KEY, bytes);
      const blob = { id: sha256Hex(plain), type: 'data' as const, offset: 0, length: stored.length };
      const claimed = uncompressedLength === undefined ? blob : { ...blob, uncompressedLength };
      for (const decompress of [undefined, native]) {
        const outcome = outcomeOf(() => openBlob(KEY, claimed, stored, ID, decompress));
        if (outcome instanceof Error) expect(outcome).toBeInstanceOf(IntegrityError);
        else expect(outcome.equals(plain)).toBe(true);
      }
    });
  });

  it('as an unpacked file, sealed and named as it must be', () => {
    const content = compressUnpacked(encoded(SNAPSHOT), 'auto');
    expectIntegrity(hostileBytes(content), SOME, (bytes) => {
      const stored = seal(KEY, bytes);
      openUnpacked(KEY, stored, { kind: 'index', id: sha256Hex(stored), version: 2 });
    });
    expectIntegrity(mutatedBytes(seal(KEY, content)), SOME, (stored) => {
      openUnpacked(KEY, stored, { kind: 'index', id: sha256Hex(stored), version: 2 });
    });
  });

  it('as a tree', () =>
    expectIntegrity(hostileBytes(encoded(TREE), TREE), SOME, (bytes) => {
      // What was accepted can be written, and is then the same.
      const written = encodeTree(decodeTree(bytes));
      expect(encodeTree(decodeTree(written)).toString()).toBe(written.toString());
    }));

  it('as a tree that check reads, where every outcome is a list of problems', () => {
    fc.assert(
      fc.property(hostileBytes(encoded(TREE), TREE), (bytes) => {
        const { dataIds, treeIds } = readTreeReferences(bytes);
        expect((dataIds.length + treeIds.length) % 32).toBe(0);
      }),
      { seed: 20261123, numRuns: SOME },
    );
  });

  it('as a snapshot', () =>
    expectIntegrity(hostileBytes(encoded(SNAPSHOT), SNAPSHOT), SOME, (bytes) => {
      const snapshot = decodeSnapshot(bytes, ID);
      compareSnapshots(snapshot, snapshot);
      const written = encodeSnapshot(snapshot);
      expect(encodeSnapshot(decodeSnapshot(written, ID)).toString()).toBe(written.toString());
    }));

  it('as a lock', () =>
    expectIntegrity(hostileBytes(encoded(LOCK), LOCK), SOME, (bytes) => {
      const lock = decodeLock(bytes, ID);
      isStale(lock, new Date());
      expect(describeLock(lock)).toContain('lock of');
    }));

  it('as a config, where only a version from the future is another error', () => {
    const config = createConfig();
    expectIntegrity(hostileBytes(encoded(config), config), SOME, (bytes) => {
      const outcome = outcomeOf(() => parseConfig(bytes, 'here'));
      if (outcome instanceof HoldfastError && outcome.code === 'NotBuilt') {
        expect((JSON.parse(bytes.toString()) as { version: number }).version).toBeGreaterThan(2);
      } else if (outcome instanceof Error) throw outcome;
    });
  });

  it('as a key file, and as the master key in it', async () => {
    const kdf = { N: 2, r: 1, p: 1 };
    const options = { kdf, username: 'u', hostname: 'h', now: new Date() };
    const master = generateMasterKey();
    const { content } = await createKeyFile(master, 'password', options);
    expectIntegrity(hostileBytes(content, JSON.parse(content.toString())), SOME, (bytes) => {
      const { username, created } = parseKeyFile(bytes, ID);
      expect([typeof username, typeof created]).toEqual(['string', 'string']);
    });
    const inside = {
      mac: { k: master.macK.toString('base64'), r: master.macR.toString('base64') },
      encrypt: master.encrypt.toString('base64'),
    };
    const file = parseKeyFile(content, ID);
    const derived = scryptSync('password', Buffer.from(file.salt, 'base64'), 64, kdf);
    const passwordKey = prepareKey({
      encrypt: derived.subarray(0, 32),
      macK: derived.subarray(32, 48),
      macR: derived.subarray(48),
    });
    await fc.assert(
      fc.asyncProperty(hostileBytes(encoded(inside), inside), async (bytes) => {
        const data = seal(passwordKey, bytes).toString('base64');
        const outcome = await openKeyFile({ ...file, data }, 'password', ID).catch((error: unknown) => error);
        if (outcome instanceof Error) expect(outcome).toBeInstanceOf(IntegrityError);
      }),
      { seed: 20261123, numRuns: 3000 },
    );
  });
});

describe('what would exhaust the machine', () => {
  /** 640 MiB of zeros in 60 KiB: zstd joins the frames. */
  const bomb = (): Buffer => Buffer.concat(Array<Buffer>(40).fill(zstdCompressSync(Buffer.alloc(16 * 1024 * 1024))));

  it('is refused as a blob that claims to be huge, before anything is decompressed', () => {
    const stored = seal(KEY, bomb());
    const blob = { id: ID, type: 'data' as const, offset: 0, length: stored.length, uncompressedLength: 640 * 2 ** 20 };
    for (const decompress of [undefined, loadNativeDecompressor()]) {
      expect(() => openBlob(KEY, blob, stored, ID, decompress)).toThrow(/claims to have 671088640 bytes/);
    }
  });

  it('is refused as a blob that is larger than it claims, and as an unpacked file that swells', () => {
    const stored = seal(KEY, bomb());
    const blob = { id: ID, type: 'tree' as const, offset: 0, length: stored.length, uncompressedLength: 1000 };
    for (const decompress of [undefined, loadNativeDecompressor()]) {
      expect(() => openBlob(KEY, blob, stored, ID, decompress)).toThrow(IntegrityError);
    }
    const file = seal(KEY, Buffer.concat([Buffer.of(2), bomb()]));
    const name = { kind: 'index' as const, id: sha256Hex(file), version: 2 };
    expect(() => openUnpacked(KEY, file, name)).toThrow(IntegrityError);
  });

  it('is not a file of so many blobs that they do not fit on the stack', () => {
    const content = Array.from({ length: 300_000 }, () => ID);
    const tree = encoded({ nodes: [{ ...times('large'), type: 'file', content }] });
    expect(decodeTree(tree)[0]!.content).toHaveLength(300_000);
    const { dataIds, problems } = readTreeReferences(tree);
    expect([dataIds.length / 32, problems]).toEqual([300_000, []]);
  });
});

function encoded(document: unknown): Buffer {
  return Buffer.from(JSON.stringify(document));
}

function packOf(blobs: readonly Buffer[]) {
  const builder = new PackBuilder(KEY, { compression: 'auto' });
  for (const plain of blobs) builder.add('data', sha256Hex(plain), plain);
  return builder.finish();
}

/** A pack that ends with this header, sealed as it must be. */
function withHeader(content: Buffer, header: Buffer): Buffer {
  const sealed = seal(KEY, header);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(sealed.length);
  return Buffer.concat([content.subarray(0, 40), sealed, length]);
}

function outcomeOf<Value>(use: () => Value): Value | Error {
  try {
    return use();
  } catch (error) {
    return error as Error;
  }
}

function times(name: string) {
  return { name, mtime: TIME, atime: TIME, ctime: TIME, uid: 0, gid: 0 };
}

function expectIntegrity<Case>(cases: fc.Arbitrary<Case>, numRuns: number, use: (value: Case) => void): void {
  fc.assert(
    fc.property(cases, (value) => {
      try {
        use(value);
      } catch (error) {
        if (!(error instanceof IntegrityError)) throw error;
      }
    }),
    { seed: 20261123, numRuns },
  );
}
