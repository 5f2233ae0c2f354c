/** A folder with one of everything a backup must keep, and a description of a folder that tells any difference. */
import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  closeSync,
  ftruncateSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import type { ByteString } from '../../common/byte-string.ts';
import { fromText, joinPath, toBytes } from '../../files/byte-path.ts';
import { loadNativeMetadata } from '../../files/native-metadata.ts';

const isRoot = process.getuid?.() === 0;

/** Reproducible bytes that do not compress. */
export function noise(size: number, seed: string): Buffer {
  const bytes = Buffer.alloc(size);
  let state = createHash('sha256').update(seed).digest().readUInt32LE(0) | 1;
  for (let offset = 0; offset < size; offset++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[offset] = state;
  }
  return bytes;
}

const ODD_NAMES = [
  'plain',
  'with space',
  'quote"and\\backslash',
  'new\nline\tand\x07bell\x7f',
  '<tag>&amp;',
  'ümläut-日本語-🎉',
  'line\u2028separator',
  'zero\u200bwidth',
  ' leading and trailing ',
  '-rf',
  '...',
  '\\x41',
];

/** Makes the folder. Devices and owners only as root. */
export function makeOddTree(folder: string): void {
  const native = loadNativeMetadata();
  mkdirSync(folder, { recursive: true });
  const at = (...names: string[]): string => path.join(folder, ...names);
  mkdirSync(at('names'));
  for (const name of ODD_NAMES) writeFileSync(at('names', name), `content of ${name}`);
  writeFileSync(
    Buffer.concat([Buffer.from(`${at('names')}/`), Buffer.from([0x6e, 0xff, 0xfe, 0x80, 0xc3])]),
    'not UTF-8',
  );
  writeFileSync(at('empty'), '');
  writeFileSync(at('small'), 'small content\n');
  writeFileSync(at('large'), Buffer.concat([noise(6_000_000, 'a'), Buffer.alloc(9_000_000), noise(3_000_000, 'b')]));
  writeFileSync(at('medium'), noise(1_800_000, 'c'));
  const sparse = openSync(at('sparse'), 'w');
  ftruncateSync(sparse, 20_000_000);
  writeSync(sparse, 'in the middle', 10_000_000);
  closeSync(sparse);
  linkSync(at('small'), at('hard-link'));
  mkdirSync(at('deep'));
  linkSync(at('small'), at('deep', 'hard-link-below'));
  mkdirSync(at('deep', 'er', 'est'), { recursive: true });
  writeFileSync(at('deep', 'er', 'est', 'file'), 'deep');
  mkdirSync(at('empty-folder'));
  symlinkSync('small', at('link'));
  symlinkSync('/nowhere/at all', at('dangling'));
  symlinkSync('..', at('deep', 'up'));
  native.makeFifo(fromText(at('fifo')), 0o640);
  chmodSync(at('fifo'), 0o640);
  writeFileSync(at('attributes'), 'attributes');
  const attribute = (name: string, value: Uint8Array): void =>
    native.setAttribute(fromText(at('attributes')), fromText(name), value);
  attribute('user.zulu', Buffer.from('first set'));
  attribute('user.alpha', Buffer.from([0, 255, 128, 10]));
  attribute('user.empty', Buffer.alloc(0));
  native.setAttribute(fromText(at('deep')), fromText('user.on-folder'), Buffer.from('yes'));
  for (const [name, mode] of [
    ['setuid', 0o4755],
    ['setgid', 0o2711],
    ['sticky', 0o1777],
    ['none', 0],
  ] as const) {
    writeFileSync(at(name), name);
    chmodSync(at(name), mode);
  }
  chmodSync(at('empty-folder'), 0o2750);
  if (isRoot) {
    native.makeDevice(fromText(at('null')), 'chardev', 0o666, 0x103n);
    native.makeDevice(fromText(at('block')), 'dev', 0o600, 0x70n);
    chownSync(at('medium'), 65534, 12345);
  }
  const times: [string, bigint][] = [
    ['empty', -1_500_000_000_123_456_789n],
    ['link', 1_234_567_890_987_654_321n],
    ['small', 1_600_000_000_000_000_001n],
    ['large', 4_102_444_800_500_000_000n],
    ['deep/er', 951_782_400_120_000_000n],
    ['deep', 0n],
  ];
  for (const [name, mtimeNs] of times) native.setTimes(fromText(at(name)), { atimeNs: mtimeNs, mtimeNs });
}

/** A line for each entry with all that a restore must bring back, the folder itself included. */
export function describeTree(folder: string): string[] {
  const native = loadNativeMetadata();
  const firstOf = new Map<bigint, ByteString>();
  const lines: string[] = [];
  const visit = (absolute: ByteString, relative: ByteString): void => {
    const stat = lstatSync(toBytes(absolute), { bigint: true });
    const facts = [JSON.stringify(relative), stat.mode.toString(8), stat.uid, stat.gid, stat.mtimeNs];
    if (stat.isFile()) {
      const hash = createHash('sha256')
        .update(readFileSync(toBytes(absolute)))
        .digest('hex');
      facts.push(stat.size, hash, JSON.stringify(firstOf.get(stat.ino) ?? ''));
      firstOf.set(stat.ino, firstOf.get(stat.ino) ?? relative);
    }
    if (stat.isSymbolicLink()) facts.push(JSON.stringify(readlinkSync(toBytes(absolute), 'latin1')));
    if (stat.isCharacterDevice() || stat.isBlockDevice()) facts.push(stat.rdev);
    for (const { name, value } of native.readAttributes(absolute)) facts.push(`${name}=${value.toString('hex')}`);
    lines.push(facts.join(' '));
    if (!stat.isDirectory()) return;
    for (const name of (readdirSync(toBytes(absolute), 'latin1') as ByteString[]).toSorted()) {
      visit(joinPath(absolute, name), joinPath(relative, name));
    }
  };
  visit(fromText(folder), '' as ByteString);
  return lines;
}
