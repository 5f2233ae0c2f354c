import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { compareChecksums, compareContent, type ComparedTrees } from '../../activities/compare-content.ts';
import { SourceError } from '../../activities/source-error.ts';
import { fromText } from '../../files/byte-path.ts';
import type { ContentChecksum, FileTree } from '../../files/file-tree.ts';
import { openLocalTree } from '../../files/local-tree.ts';

/** Check values of `123456789`, as the literature has them. */
const NINE = '123456789';
const CHECKSUMS: Record<ContentChecksum['algorithm'], string> = {
  crc32: 'cbf43926',
  crc32c: 'e3069283',
  md5: createHash('md5').update(NINE).digest('hex'),
  sha1: createHash('sha1').update(NINE).digest('hex'),
  sha256: createHash('sha256').update(NINE).digest('hex'),
};
const ALGORITHMS = Object.keys(CHECKSUMS) as ContentChecksum['algorithm'][];
const PATH = fromText('file');
let directory: string;
let read: string[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'holdfast-compare-'));
  read = [];
});

afterEach(() => rm(directory, { recursive: true }));

/** A local tree whose server would know these checksums of its file; what is read of it is noted. */
async function tree(
  name: string,
  content: string,
  checksums?: readonly ContentChecksum['algorithm'][],
): Promise<FileTree> {
  const folder = join(directory, name);
  await mkdir(folder);
  await writeFile(join(folder, 'file'), content);
  const inner = openLocalTree(folder);
  const openRead: FileTree['openRead'] = (path, options) => {
    read.push(name);
    return inner.openRead(path, options);
  };
  // What a server says is of what was stored, whatever the disk has by now.
  const known = (algorithm: ContentChecksum['algorithm']): ContentChecksum => ({
    algorithm,
    value: content === NINE ? CHECKSUMS[algorithm] : '00',
  });
  return new Proxy(inner, {
    get(target, key) {
      if (key === 'openRead') return openRead;
      if (key === 'checksums') return checksums && (async () => checksums.map(known));
      const value: unknown = Reflect.get(target, key);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

const { signal } = new AbortController();
const trees = async (source: Promise<FileTree>, target: Promise<FileTree>): Promise<ComparedTrees> => ({
  source: await source,
  target: await target,
  signal,
});

test('of what both servers have a checksum of one kind for, nothing is read', async () => {
  const equal = await trees(tree('s', NINE, ['sha256', 'md5']), tree('t', NINE, ['crc32c', 'md5']));
  expect(await compareChecksums(equal, PATH)).toBe('equal');
  const different = await trees(tree('s2', NINE, ['md5']), tree('t2', 'other', ['md5']));
  expect(await compareChecksums(different, PATH)).toBe('different');
  expect(read).toEqual([]);
});

test.each(ALGORITHMS)('where one server alone has a checksum, the other side alone is read: %s', async (algorithm) => {
  for (const content of [NINE, 'other 9b.']) {
    const verdict = content === NINE ? 'equal' : 'different';
    await rm(directory, { recursive: true });
    await mkdir(directory);
    const ofTarget = await trees(tree('source', content), tree('target', NINE, [algorithm]));
    expect([await compareChecksums(ofTarget, PATH), read.splice(0)]).toEqual([verdict, ['source']]);
    await rm(directory, { recursive: true });
    await mkdir(directory);
    const ofSource = await trees(tree('source', NINE, [algorithm]), tree('target', content, []));
    expect([await compareChecksums(ofSource, PATH), read.splice(0)]).toEqual([verdict, ['target']]);
  }
});

test('without a checksum, of kinds that do not match, and for a verification, contents are read', async () => {
  const none = await trees(tree('s', NINE), tree('t', NINE, []));
  expect([await compareChecksums(none, PATH), read.splice(0).toSorted()]).toEqual(['equal', ['s', 't']]);
  const apart = await trees(tree('s2', NINE, ['md5']), tree('t2', NINE, ['crc32']));
  expect([await compareChecksums(apart, PATH), read.splice(0)]).toEqual(['equal', ['s2']]);
  const rotten = await trees(tree('s3', NINE, ['md5']), tree('t3', NINE, ['md5']));
  await writeFile(join(directory, 't3', 'file'), NINE.replace('1', '2'));
  expect([await compareChecksums(rotten, PATH), await compareContent(rotten, PATH)]).toEqual(['equal', 'different']);
});

test('a source that cannot be read is no trouble of the target, however it is compared', async () => {
  const missing = fromText('missing');
  const plain = await trees(tree('s', NINE), tree('t', NINE));
  await expect(compareChecksums(plain, missing)).rejects.toBeInstanceOf(SourceError);
  const known = await trees(tree('s2', NINE), tree('t2', NINE, ['md5']));
  await rm(join(directory, 's2', 'file'));
  await expect(compareChecksums(known, PATH)).rejects.toBeInstanceOf(SourceError);
  const gone = await trees(tree('s3', NINE, ['md5']), tree('t3', NINE));
  await rm(join(directory, 't3', 'file'));
  const error = await compareChecksums(gone, PATH).catch((thrown: unknown) => thrown);
  expect(error).not.toBeInstanceOf(SourceError);
  expect(await readFile(join(directory, 's3', 'file'), 'utf8')).toBe(NINE);
});
