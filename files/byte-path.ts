/** Conversions of byte strings: to and from buffers and text, for the terminal, and taking paths apart. */
import { constants, isUtf8 } from 'node:buffer';
import type { ByteString } from '../common/byte-string.ts';
import { HoldfastError } from '../common/errors.ts';

/** The bytes of a name or path. */
export function toBytes(path: ByteString): Buffer {
  return Buffer.from(path, 'latin1');
}

/** NUL-terminated, as the C library takes paths. */
export function toCString(path: ByteString): Buffer {
  return Buffer.from(`${path}\0`, 'latin1');
}

export function fromBytes(bytes: Uint8Array): ByteString {
  if (bytes.length > constants.MAX_STRING_LENGTH) throw new RangeError('a path cannot be this long');
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1') as ByteString;
}

/** The bytes that a text has in UTF-8: of a path in a policy, an argument, a JSON string. */
export function fromText(text: string): ByteString {
  return (isAscii(text) ? text : Buffer.from(text, 'utf8').toString('latin1')) as ByteString;
}

/** The text, or undefined when the bytes are not UTF-8. */
export function toText(path: ByteString): string | undefined {
  if (isAscii(path)) return path;
  const bytes = toBytes(path);
  return isUtf8(bytes) ? bytes.toString('utf8') : undefined;
}

/**
 * For people, on one line: UTF-8 as it is; control characters, and bytes that are not UTF-8, as `\n`, `\x9f`; so that
 * a hostile name cannot move the terminal's cursor.
 */
export function displayPath(path: ByteString): string {
  const text = toText(path);
  if (text === undefined) return path.replace(/[^\x20-\x7e]|\\/g, escapeCharacter);
  // eslint-disable-next-line no-control-regex -- finding control characters is the point
  return text.replace(/[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff]|\\(?=[nrtx])/g, escapeCharacter);
}

/** `parent` may be empty (the root of a tree). */
export function joinPath(parent: ByteString, name: ByteString): ByteString {
  if (parent === '') return name;
  return (parent.endsWith('/') ? parent + name : `${parent}/${name}`) as ByteString;
}

/** Of `a/b/c` it is `a/b`; of `a` the empty path; of `/a` it is `/`. */
export function parentPath(path: ByteString): ByteString {
  const slash = path.lastIndexOf('/');
  if (slash === 0 && path.length > 1) return '/' as ByteString;
  return path.slice(0, Math.max(slash, 0)) as ByteString;
}

/** Of `a/b/c` it is `c`. */
export function baseName(path: ByteString): ByteString {
  return path.slice(path.lastIndexOf('/') + 1) as ByteString;
}

/**
 * Whether a name can stand for one entry of a folder: not empty, neither `.` nor `..`, without `/` and NUL, and of at
 * most 255 bytes. What a repository or a peer calls a name must pass here before it becomes a path.
 */
export function isEntryName(name: ByteString): boolean {
  return (
    name.length > 0 &&
    name.length <= 255 &&
    name !== '.' &&
    name !== '..' &&
    !name.includes('/') &&
    !name.includes('\0')
  );
}

/** Throws nothing; false for a path with an empty, `.` or `..` segment, a leading or trailing slash, or NUL. */
export function isRelativePath(path: ByteString): boolean {
  return path.split('/').every((segment) => isEntryName(segment as ByteString));
}

/** Throws Usage for a path that `isRelativePath` refuses; the empty one, a tree's root, passes. */
export function requireRelativePath(path: ByteString): void {
  if (path !== '' && !isRelativePath(path)) {
    throw new HoldfastError('Usage', `the path "${displayPath(path)}" does not stay inside its tree`, {
      hint: 'Give a path without "..", "." and empty parts, relative to the tree.',
    });
  }
}

/** Throws Usage also for the empty path: a tree's root is neither written, moved nor removed. */
export function requireEntryPath(path: ByteString): void {
  requireRelativePath(path);
  if (path !== '') return;
  throw new HoldfastError('Usage', 'the root of a tree is neither written, moved nor removed', {
    hint: 'Name an entry of the tree.',
  });
}

/** Throws Usage where one of the two is no entry's path, or the new one lies below the old one. */
export function requireMove(from: ByteString, to: ByteString): void {
  requireEntryPath(from);
  requireEntryPath(to);
  if (!to.startsWith(`${from}/`)) return;
  throw new HoldfastError(
    'Usage',
    `"${displayPath(from)}" cannot be moved to "${displayPath(to)}", which is below it`,
    {
      hint: 'Move it elsewhere.',
    },
  );
}

function isAscii(text: string): text is ByteString {
  // eslint-disable-next-line no-control-regex -- NUL to DEL is what ASCII is
  return /^[\x00-\x7f]*$/.test(text);
}

const SHORT_ESCAPES: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\\': '\\\\' };

function escapeCharacter(character: string): string {
  const code = character.charCodeAt(0);
  return SHORT_ESCAPES[character] ?? (code < 256 ? `\\x${hex(code, 2)}` : `\\u${hex(code, 4)}`);
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, '0');
}
