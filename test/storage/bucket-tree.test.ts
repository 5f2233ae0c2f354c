import { afterAll, beforeAll, expect, it } from 'vitest';
import { fromText } from '../../files/byte-path.ts';
import type { FileTree } from '../../files/file-tree.ts';
import type { Bucket } from '../../storage/bucket.ts';
import { openBucketTree } from '../../storage/bucket-tree.ts';
import { openGcsBucket } from '../../storage/gcs.ts';
import { openS3Bucket } from '../../storage/s3.ts';
import { bytes, collect, expectRefusal, put, readText, walk } from '../files/tree-contract/tree-under-test.ts';
import { requirePeer } from '../peers.ts';
import { startFakeGcsServer, type GcsServer } from '../servers/fake-gcs-server.ts';
import { startVersitygw, type S3Server } from '../servers/versitygw.ts';
import { describeBucketTree } from './bucket-tree-contract.ts';

const versitygw = requirePeer('versitygw');
const fakeGcs = requirePeer('fake-gcs-server');

const METADATA = { mode: 0o640, uid: 1000, gid: 1001, mtimeNs: 1_700_000_000_120_000_000n };

versitygw.describe('trees on S3', () => {
  let server: S3Server;
  beforeAll(async () => {
    server = await startVersitygw(versitygw.command);
    await server.createBucket('vault');
  });
  afterAll(() => server.stop());

  const open = (prefix: string): Promise<Bucket> => {
    const { endpoint, region, root: credentials } = server;
    return openS3Bucket({ bucket: 'vault', prefix, endpoint, region, forcePathStyle: true }, { credentials });
  };
  describeBucketTree('the tree on S3', open);
  describeObjects(open, { mtime: '1700000000.12' });
});

fakeGcs.describe('trees on Google Cloud Storage', () => {
  let server: GcsServer;
  beforeAll(async () => {
    server = await startFakeGcsServer(fakeGcs.command, { inMemory: true });
    await server.createBucket('vault');
  });
  afterAll(() => server.stop());

  const open = async (prefix: string): Promise<Bucket> =>
    openGcsBucket({ bucket: 'vault', prefix, endpoint: server.endpoint });
  describeBucketTree('the tree on Google Cloud Storage', open);
  describeObjects(open, { mtime: '2023-11-14T22:13:20.12Z', 'goog-reserved-file-mtime': '1700000000' });

  it('tells what has the name of a folder, or no name, as none of its own', async () => {
    await withTree(open, async ({ tree, bucket }) => {
      const odd = ['', '/x', '../up', './here', 'a//b', 'file/below', 'back\u0001', `${'n'.repeat(256)}/x`];
      for (const name of ['file', 'folder/inside', ...odd]) await bucket.put(`odd/${name}`, Buffer.from(name));
      await bucket.put('odd/folder/', Buffer.from('content of a folder'));
      const foreign: string[] = [];
      expect(await walk(tree, { onForeign: (path) => foreign.push(path) })).toEqual([
        'a',
        'file',
        'folder',
        'folder/inside',
      ]);
      const told = ['', '.', '..', 'a/', 'back\u0001', 'file/', 'folder/', 'n'.repeat(256)];
      expect(foreign.toSorted()).toEqual(told);
      await tree.remove(bytes('file'));
      await expectRefusal(() => tree.remove(bytes('a')), 'AlreadyExists');
      const keys = (await collect(bucket.list('odd/'))).map(({ key }) => key);
      expect(keys).toEqual(expect.arrayContaining(odd.map((name) => `odd/${name}`)));
    });
  });
});

type Under = { tree: FileTree; bucket: Bucket };

async function withTree(open: (prefix: string) => Promise<Bucket>, body: (under: Under) => Promise<void>) {
  const bucket = await open('odd');
  const tree = openBucketTree(await open('odd'));
  try {
    await tree.makeFolder(bytes(''), {});
    await body({ tree, bucket });
  } finally {
    for await (const { key } of bucket.list('odd/')) await bucket.remove(key);
    await tree.close();
    bucket.close();
  }
}

/** How entries are kept as objects. `times`: the metadata of the time above. */
function describeObjects(open: (prefix: string) => Promise<Bucket>, times: Record<string, string>): void {
  const owner = { uid: '1000', gid: '1001' };

  it('keeps modes, owners and times in the metadata of objects, as rclone has them', () =>
    withTree(open, async ({ tree, bucket }) => {
      await put(tree, 'file', 'content', METADATA);
      await tree.makeFolder(bytes('folder'), METADATA);
      await tree.replaceSymlink(bytes('link'), fromText('../ü'), METADATA);
      const metadataOf = async (key: string): Promise<unknown> => (await bucket.head(key))?.metadata;
      expect(await metadataOf('odd/file')).toEqual({ mode: '100640', ...owner, ...times });
      expect(await metadataOf('odd/folder/')).toEqual({ mode: '40640', ...owner, ...times });
      expect(await metadataOf('odd/link')).toMatchObject({ mode: '120777', ...owner, ...times });
      expect(await bucket.head('odd/link')).toMatchObject({ sizeBytes: Buffer.byteLength('../ü') });
      await tree.setMetadata(bytes('file'), { mode: 0o4755 });
      expect(await metadataOf('odd/file')).toEqual({ mode: '104755', ...owner, ...times });
      await tree.rename(bytes('file'), bytes('moved'));
      expect(await metadataOf('odd/moved')).toEqual({ mode: '104755', ...owner, ...times });
    }));

  it('leaves what others keep with an object as it is', () =>
    withTree(open, async ({ tree, bucket }) => {
      await bucket.put('odd/file', Buffer.from('x'), { metadata: { btime: 'then', mode: '100600', label: 'a  b' } });
      await tree.setMetadata(bytes('file'), { mtimeNs: METADATA.mtimeNs });
      expect((await bucket.head('odd/file'))?.metadata).toEqual({
        btime: 'then',
        mode: '100600',
        label: 'a  b',
        ...times,
      });
    }));

  it('takes objects without metadata for files of the time of their upload, and folders as such without an object', () =>
    withTree(open, async ({ tree, bucket }) => {
      await bucket.put('odd/a/b/file', Buffer.from('content'));
      await bucket.put('odd/strange', Buffer.from('x'), { metadata: { mode: '33188', mtime: 'soon', uid: '-1' } });
      const [folder, , file, strange] = await collect(tree.walk());
      expect(folder).toMatchObject({ path: 'a', type: 'dir', mode: 0o755, uid: 0, gid: 0 });
      expect(file).toMatchObject({ path: 'a/b/file', type: 'file', mode: 0o644, uid: 0, gid: 0, sizeBytes: 7 });
      expect(strange).toMatchObject({ path: 'strange', type: 'file', mode: 0o644, uid: 0, gid: 0 });
      for (const { mtimeNs, ctimeNs } of [file!, strange!]) {
        expect(mtimeNs).toBe(ctimeNs);
        expect(Math.abs(Number(mtimeNs / 1_000_000n) - Date.now())).toBeLessThan(60_000);
      }
      expect(await tree.stat(bytes('a/b'))).toMatchObject({ type: 'dir', mode: 0o755 });
      // It gets an object of its own as soon as it has something to keep.
      await tree.setMetadata(bytes('a'), METADATA);
      expect(await tree.stat(bytes('a'))).toMatchObject(METADATA);
      expect(await readText(tree, 'a/b/file')).toBe('content');
    }));

  it('leaves in a folder that it moves what comes there meanwhile', () =>
    withTree(open, async ({ bucket }) => {
      const moving = await open('odd');
      const copy = moving.copy.bind(moving);
      moving.copy = async (...call) => {
        await copy(...call);
        await bucket.put('odd/old/late', Buffer.from('late'));
      };
      await bucket.put('odd/old/file', Buffer.from('x'));
      await openBucketTree(moving).rename(bytes('old'), bytes('new'));
      moving.close();
      const keys = (await collect(bucket.list('odd/'))).map(({ key }) => key);
      expect(keys).toEqual(expect.arrayContaining(['odd/new/file', 'odd/old/late']));
      expect(keys).not.toContain('odd/old/file');
    }));

  it('looks again at what others have changed since it walked', () =>
    withTree(open, async ({ tree, bucket }) => {
      await put(tree, 'file', 'one', METADATA);
      await walk(tree);
      await bucket.put('odd/file', Buffer.from('two!'), { metadata: { mode: '100600' } });
      expect(await collect(tree.walk())).toMatchObject([{ sizeBytes: 4, mode: 0o600 }]);
    }));
}
