/**
 * What of a file's metadata is kept with its object: as rclone has it on S3 and on Google Cloud Storage ("Modification
 * times" and "Metadata" in its documentation), and of links as gcsfuse has it, too.
 */
import type { ByteString } from '../common/byte-string.ts';
import { toText } from '../files/byte-path.ts';
import type { EntryMetadata, FileEntry, KeptMetadata } from '../files/file-tree.ts';
import { typeOfMode } from '../files/file-type.ts';
import type { Bucket, BucketMetadata, BucketObject } from './bucket.ts';

const SECOND_NS = 1_000_000_000n;
/** RFC 3339 has years of four digits. */
const EARLIEST_NS = BigInt(Date.parse('0000-01-01T00:00:00Z')) * 1_000_000n;
const LATEST_NS = BigInt(Date.parse('9999-12-31T23:59:59Z')) * 1_000_000n + SECOND_NS - 1n;

const FILE_TYPE = 0o100000;
const LINK_TYPE = 0o120000;
const FOLDER_TYPE = 0o040000;
/** What a new entry has, and one whose object does not say. */
const FILE_MODE = 0o644;
const FOLDER_MODE = 0o755;
const LINK_MODE = 0o777;

/** Where gcsfuse has the target of a link. */
const LINK_TARGET = 'gcsfuse_symlink_target';
/** No system has longer ones. */
const LONGEST_TARGET_BYTES = 4095;

/** What a tree in a bucket can keep. */
export function keptInBucket({ mode, mtimeNs, uid, gid }: FileEntry): KeptMetadata {
  return { mode, mtimeNs: mtimeNs < EARLIEST_NS ? EARLIEST_NS : mtimeNs > LATEST_NS ? LATEST_NS : mtimeNs, uid, gid };
}

/** The metadata of an object that says what is given, and nothing of what is not. Links have no mode of their own. */
export function objectMetadata(
  times: Bucket['times'],
  type: 'file' | 'dir' | 'symlink',
  { mode, mtimeNs, uid, gid }: EntryMetadata,
  linkTarget?: ByteString,
): BucketMetadata {
  const text = times === 'rfc3339' && linkTarget !== undefined ? toText(linkTarget) : undefined;
  return {
    ...modeMetadata(type, mode),
    ...(uid === undefined ? {} : { uid: String(uid) }),
    ...(gid === undefined ? {} : { gid: String(gid) }),
    ...(mtimeNs === undefined ? {} : timeMetadata(times, mtimeNs)),
    ...(text === undefined ? {} : { [LINK_TARGET]: text }),
  };
}

function modeMetadata(type: 'file' | 'dir' | 'symlink', mode: number | undefined): { mode?: string } {
  if (type === 'symlink') return { mode: (LINK_TYPE | LINK_MODE).toString(8) };
  if (mode === undefined) return {};
  return { mode: ((type === 'dir' ? FOLDER_TYPE : FILE_TYPE) | mode).toString(8) };
}

/** gsutil has whole seconds under a name of its own. */
function timeMetadata(times: Bucket['times'], mtimeNs: bigint): BucketMetadata {
  if (times === 'decimal') return { mtime: formatDecimal(mtimeNs) };
  const seconds = floorSeconds(mtimeNs);
  const whole = new Date(Number(seconds) * 1000).toISOString().slice(0, -'.000Z'.length);
  return {
    mtime: `${whole}${fraction(mtimeNs - seconds * SECOND_NS)}Z`,
    'goog-reserved-file-mtime': String(seconds),
  };
}

/** Sign and magnitude: half a second before 1970 is `-0.5`. */
function formatDecimal(mtimeNs: bigint): string {
  const magnitude = mtimeNs < 0n ? -mtimeNs : mtimeNs;
  return `${mtimeNs < 0n ? '-' : ''}${magnitude / SECOND_NS}${fraction(magnitude % SECOND_NS)}`;
}

function floorSeconds(ns: bigint): bigint {
  return ns / SECOND_NS - (ns % SECOND_NS < 0n ? 1n : 0n);
}

/** As short as it can be: `.5`; nothing of a whole second. */
function fraction(ns: bigint): string {
  const digits = ns.toString().padStart(9, '0').replace(/0+$/, '');
  return digits === '' ? '' : `.${digits}`;
}

/** Nanoseconds; undefined: the object does not say, or not so that it could be understood. */
function timeOf(metadata: BucketMetadata): bigint | undefined {
  return parseTime(metadata['mtime']) ?? parseTime(metadata['goog-reserved-file-mtime']);
}

function parseTime(text = ''): bigint | undefined {
  const [, sign, seconds, decimals = ''] = /^(-?)(\d{1,12})(?:\.(\d{1,9})\d*)?$/.exec(text) ?? [];
  if (seconds !== undefined) {
    const magnitude = BigInt(seconds) * SECOND_NS + BigInt(decimals.padEnd(9, '0'));
    return sign === '-' ? -magnitude : magnitude;
  }
  const [, whole, part = '', zone] =
    /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?(Z|[+-]\d\d:\d\d)$/.exec(text) ?? [];
  const milliseconds = Date.parse(`${whole}${zone}`);
  return Number.isNaN(milliseconds) ? undefined : BigInt(milliseconds) * 1_000_000n + BigInt(part.padEnd(9, '0'));
}

/** Octal, with the bits of the type or without; other programs write other things. */
function modeOf({ mode = '' }: BucketMetadata): number | undefined {
  if (!/^[0-7]{1,7}$/.test(mode)) return undefined;
  const bits = Number.parseInt(mode, 8);
  return bits <= 0o7777 || typeOfMode(bits) !== undefined ? bits : undefined;
}

function numberOf(text = ''): number | undefined {
  return /^\d{1,10}$/.test(text) ? Number(text) : undefined;
}

export function isLink({ sizeBytes, metadata }: { sizeBytes: number; metadata: BucketMetadata }): boolean {
  const bits = modeOf(metadata);
  const isMarked = bits !== undefined && typeOfMode(bits) === 'symlink';
  return (isMarked && sizeBytes <= LONGEST_TARGET_BYTES) || metadata[LINK_TARGET] !== undefined;
}

/** The target that the metadata has; undefined: the content is the target. */
export function linkTargetIn(metadata: BucketMetadata): string | undefined {
  return metadata[LINK_TARGET];
}

/** What the object says of its entry, for a change that says the rest. */
export function givenMetadata({ metadata }: { metadata: BucketMetadata }): EntryMetadata {
  const [mode, mtimeNs] = [modeOf(metadata), timeOf(metadata)];
  const [uid, gid] = [numberOf(metadata['uid']), numberOf(metadata['gid'])];
  return {
    ...(mode === undefined ? {} : { mode: mode & 0o7777 }),
    ...(mtimeNs === undefined ? {} : { mtimeNs }),
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
  };
}

/** A link lacks its target. */
export function entryOfObject(
  path: ByteString,
  type: 'file' | 'dir' | 'symlink',
  object: BucketObject & { metadata: BucketMetadata },
): FileEntry {
  const modifiedNs = BigInt(object.modifiedAt.getTime()) * 1_000_000n;
  const { mode, mtimeNs = modifiedNs, uid = 0, gid = 0 } = givenMetadata(object);
  const missing = type === 'dir' ? FOLDER_MODE : type === 'symlink' ? LINK_MODE : FILE_MODE;
  const sizeBytes = type === 'dir' ? 0 : object.sizeBytes;
  return { ...BARE, path, type, mode: mode ?? missing, sizeBytes, mtimeNs, ctimeNs: modifiedNs, uid, gid };
}

/**
 * A folder of which nothing is known but that something lies in it. Its time is one that no other tree has, so that a
 * sync gives it the metadata, and with that an object, of its own.
 */
export function entryOfUnmarked(path: ByteString): FileEntry {
  const times = { mtimeNs: EARLIEST_NS, ctimeNs: EARLIEST_NS };
  return { ...BARE, ...times, path, type: 'dir', mode: FOLDER_MODE, sizeBytes: 0, isImplied: true };
}

const BARE = { uid: 0, gid: 0, inode: 0n, device: 0n, links: 1 };
