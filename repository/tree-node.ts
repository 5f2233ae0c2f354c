/** Trees of the repository: restic's node, and its JSON, byte for byte as restic writes it, so that both give a folder the same id. */
import { IntegrityError } from '../common/errors.ts';
import type { ByteString } from '../common/byte-string.ts';
import { decodeUtf8 } from '../common/decode-utf8.ts';
import { fromText, toBytes, toText } from '../files/byte-path.ts';
import { goJson, goString, parseGoJson } from './go-json.ts';
import { ZERO_GO_TIME } from './go-time.ts';
import { quoteGo, unquoteGo } from './go-quote.ts';
import { isJsonObject, isShallow, type JsonObject } from './json-object.ts';

/** One attribute; `value` is base64 as stored (null is how Go writes an absent value). */
export interface ExtendedAttribute {
  name: string;
  value: string | null;
}

/**
 * A file, folder or other entry (`internal/data/node.go` of restic). Absent members are what Go leaves out: zero and
 * empty. Times are RFC 3339 with nanoseconds in the zone they were written in (`go-time.ts`).
 */
export interface TreeNode {
  /** The bytes of the name, no path. Foreign repositories may hold anything here: see `isEntryName`. */
  name: ByteString;
  /** `file`, `dir`, `symlink`, `dev`, `chardev`, `fifo`, `socket`, `irregular`; others may come. */
  type: string;
  /** Go's `os.FileMode` (`go-file-mode.ts`). */
  mode?: number;
  mtime: string;
  atime: string;
  ctime: string;
  uid: number;
  gid: number;
  user?: string;
  group?: string;
  inode?: bigint;
  /** `st_dev`. */
  device_id?: bigint;
  /** Bytes. */
  size?: number;
  links?: number;
  /** The bytes of a symlink's target; in JSON they are `linktarget`, and `linktarget_raw` when they are not UTF-8. */
  linktarget?: ByteString;
  extended_attributes?: ExtendedAttribute[];
  /** Of other systems (Windows): kept as they are. */
  generic_attributes?: Record<string, unknown>;
  /** `st_rdev` of a device. */
  device?: bigint;
  /** Ids of the data blobs in order; null for what is not a file. */
  content: string[] | null;
  /** Id of the tree, only of a folder. */
  subtree?: string;
  error?: string;
  /** Members that this version does not know, in their order. */
  rest?: Record<string, unknown>;
}

/** The tree's JSON with its newline. The nodes must be in byte order of their names. */
export function encodeTree(nodes: readonly TreeNode[]): Buffer {
  return Buffer.from(`{"nodes":[${nodes.map((node) => encodeNode(node)).join(',')}]}\n`, 'utf8');
}

/** One node as it stands in the tree. */
export function encodeNode(node: TreeNode): string {
  let json = `${encodeNodeHead(node)},"content":${encodeContent(node.content)}`;
  if (node.subtree !== undefined) json += `,"subtree":"${node.subtree}"`;
  if (node.error) json += `,"error":${goString(node.error)}`;
  for (const [key, value] of Object.entries(node.rest ?? {})) json += `,${goString(key)}:${goJson(value)}`;
  return `${json}}`;
}

/** The beginning of a node's JSON: all that is known of an entry before its content is. Behind it stands `,"content":`. */
export function encodeNodeHead(node: TreeNode): string {
  const name = goString(quoteGo(node.name));
  let json = `{"name":${name},"type":${goString(node.type)}`;
  if (node.mode) json += `,"mode":${node.mode}`;
  const mtime = goString(node.mtime);
  const atime = node.atime === node.mtime ? mtime : goString(node.atime);
  const ctime = node.ctime === node.mtime ? mtime : goString(node.ctime);
  json += `,"mtime":${mtime},"atime":${atime},"ctime":${ctime}`;
  json += `,"uid":${node.uid},"gid":${node.gid}`;
  if (node.user) json += `,"user":${goString(node.user)}`;
  if (node.group) json += `,"group":${goString(node.group)}`;
  if (node.inode) json += `,"inode":${node.inode}`;
  if (node.device_id) json += `,"device_id":${node.device_id}`;
  if (node.size) json += `,"size":${node.size}`;
  if (node.links) json += `,"links":${node.links}`;
  if (node.linktarget) json += encodeLinkTarget(node.linktarget);
  if (node.extended_attributes?.length) json += `,"extended_attributes":${goJson(node.extended_attributes)}`;
  if (node.generic_attributes) json += `,"generic_attributes":${goJson(node.generic_attributes)}`;
  if (node.device) json += `,"device":${node.device}`;
  return json;
}

/** Reads a tree as any restic writes it. Throws IntegrityError when it is none. */
export function decodeTree(content: Buffer): TreeNode[] {
  let document: unknown;
  try {
    document = parseGoJson(content.toString('utf8'));
  } catch (cause) {
    throw new IntegrityError('a tree of the repository is not valid JSON', { hint: CHECK, cause });
  }
  // Go writes null for an empty list of very old versions.
  const nodes = isJsonObject(document) ? (document['nodes'] ?? []) : undefined;
  if (!Array.isArray(nodes)) throw malformed('nodes');
  return nodes.map((node) => decodeNode(node));
}

/** Reads one node's JSON. Throws IntegrityError when it is none. */
export function decodeNodeText(text: string): TreeNode {
  let document: unknown;
  try {
    document = parseGoJson(text);
  } catch (cause) {
    throw new IntegrityError('a tree of the repository is not valid JSON', { hint: CHECK, cause });
  }
  return decodeNode(document);
}

/** The largest of Go's types that the members have. */
const MAX_UINT32 = 2 ** 32 - 1;
const MAX_UINT64 = 2n ** 64n - 1n;

const CHECK = 'Run `holdfast check --read-data` on the repository.';

const KNOWN: ReadonlySet<string> = new Set(
  (
    'name type mode mtime atime ctime uid gid user group inode device_id size links linktarget linktarget_raw ' +
    'extended_attributes generic_attributes device content subtree error'
  ).split(' '),
);

function decodeNode(raw: unknown): TreeNode {
  if (!isJsonObject(raw)) throw malformed('nodes');
  const node: TreeNode = {
    name: decodeName(text(raw, 'name') ?? ''),
    type: text(raw, 'type') ?? '',
    mtime: text(raw, 'mtime') ?? ZERO_GO_TIME,
    atime: text(raw, 'atime') ?? ZERO_GO_TIME,
    ctime: text(raw, 'ctime') ?? ZERO_GO_TIME,
    uid: integer(raw, 'uid', MAX_UINT32) ?? 0,
    gid: integer(raw, 'gid', MAX_UINT32) ?? 0,
    content: ids(raw['content']),
  };
  setPresent(node, 'mode', integer(raw, 'mode', MAX_UINT32));
  setPresent(node, 'user', text(raw, 'user'));
  setPresent(node, 'group', text(raw, 'group'));
  setPresent(node, 'inode', bigInteger(raw, 'inode'));
  setPresent(node, 'device_id', bigInteger(raw, 'device_id'));
  setPresent(node, 'size', integer(raw, 'size'));
  setPresent(node, 'links', integer(raw, 'links'));
  setPresent(node, 'linktarget', decodeLinkTarget(raw));
  setPresent(node, 'extended_attributes', attributes(raw['extended_attributes']));
  const generic = raw['generic_attributes'];
  if (isJsonObject(generic)) node.generic_attributes = shallow(generic, 'generic_attributes') as JsonObject;
  setPresent(node, 'device', bigInteger(raw, 'device'));
  const subtree = text(raw, 'subtree');
  if (subtree !== undefined) node.subtree = checkedId(subtree, 'subtree');
  setPresent(node, 'error', text(raw, 'error'));
  for (const key in raw) {
    if (KNOWN.has(key)) continue;
    node.rest ??= {};
    Object.defineProperty(node.rest, key, {
      value: shallow(raw[key], key),
      enumerable: true,
      writable: true,
      configurable: true,
    });
  }
  return node;
}

function setPresent<Key extends keyof TreeNode>(node: TreeNode, key: Key, value: TreeNode[Key] | undefined): void {
  if (value !== undefined) node[key] = value;
}

function decodeName(quoted: string): ByteString {
  const name = unquoteGo(quoted);
  if (name === undefined) throw malformed('name');
  return name;
}

export function encodeContent(content: readonly string[] | null): string {
  if (content === null) return 'null';
  return content.length === 0 ? '[]' : `["${content.join('","')}"]`;
}

function encodeLinkTarget(target: ByteString): string {
  const plain = toText(target);
  if (plain !== undefined) return `,"linktarget":${goString(plain)}`;
  const raw = toBytes(target).toString('base64');
  return `,"linktarget":"${readableTarget(target)}","linktarget_raw":"${raw}"`;
}

/** Go writes one `\ufffd` for each byte that is not UTF-8; the raw form beside it is the one that counts. */
function readableTarget(target: ByteString): string {
  let json = '';
  for (let index = 0; index < target.length;) {
    const { codePoint, width } = decodeUtf8(target, index);
    json += codePoint === undefined ? '\\ufffd' : goString(String.fromCodePoint(codePoint)).slice(1, -1);
    index += width;
  }
  return json;
}

function decodeLinkTarget(raw: Record<string, unknown>): ByteString | undefined {
  const bytes = text(raw, 'linktarget_raw');
  if (bytes !== undefined) return Buffer.from(bytes, 'base64').toString('latin1') as ByteString;
  const readable = text(raw, 'linktarget');
  return readable === undefined ? undefined : fromText(readable);
}

function attributes(value: unknown): ExtendedAttribute[] | undefined {
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value)) throw malformed('extended_attributes');
  return value.map((attribute: unknown) => {
    if (!isJsonObject(attribute)) throw malformed('extended_attributes');
    return { name: text(attribute, 'name') ?? '', value: text(attribute, 'value') ?? null };
  });
}

function ids(value: unknown): string[] | null {
  if (value === undefined || value === null) return null;
  if (!Array.isArray(value)) throw malformed('content');
  return value.map((id: unknown) => checkedId(id, 'content'));
}

function checkedId(id: unknown, member: string): string {
  if (typeof id !== 'string' || !isId(id)) throw malformed(member);
  return id;
}

/** 64 hex digits in lower case. A loop: trees of many files ask for little else, and it takes a fraction of a regular expression's time. */
function isId(text: string): boolean {
  if (text.length !== 64) return false;
  for (let index = 0; index < 64; index++) {
    const code = text.charCodeAt(index);
    if (!((code >= 0x30 && code <= 0x39) || (code >= 0x61 && code <= 0x66))) return false;
  }
  return true;
}

function text(raw: Record<string, unknown>, member: string): string | undefined {
  const value = raw[member];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string') throw malformed(member);
  return value;
}

/** A size beyond 2^53 loses its last digits: no file has one. */
function integer(raw: Record<string, unknown>, member: string, max: number | bigint = MAX_UINT64): number | undefined {
  const value = raw[member];
  if (value === undefined || value === null) return undefined;
  const number = typeof value === 'bigint' ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isInteger(number) || number < 0 || number > max) throw malformed(member);
  return number;
}

function bigInteger(raw: Record<string, unknown>, member: string): bigint | undefined {
  const value = raw[member];
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'bigint' && value >= 0n && value <= MAX_UINT64) return value;
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw malformed(member);
  return BigInt(value);
}

/** What is only kept is written again as it is, and so must not be deeper than anybody can write. */
function shallow(value: unknown, member: string): unknown {
  if (!isShallow(value)) throw malformed(member);
  return value;
}

function malformed(member: string): IntegrityError {
  return new IntegrityError(`a tree of the repository is malformed at "${member}"`, { hint: CHECK });
}
