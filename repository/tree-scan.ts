/** Reads what a tree points to from its text, without an object for each node. */

/** Ids as digits; undefined members are what the node does not have. */
export interface ScannedNode {
  /** As it stands in the text, escapes included. */
  name: string;
  type: string;
  /** The text between the brackets. */
  content: string | undefined;
  subtree: string | undefined;
}

const NUMBER = '(?:0|[1-9][0-9]*)';
/** Without escapes. */
const PLAIN = '"[^"\\\\\\x00-\\x1f]*"';
const ESCAPE = '\\\\(?:["\\\\/bfnrt]|u[0-9a-fA-F]{4})';
const TEXT = `[^"\\\\\\x00-\\x1f]*(?:${ESCAPE}[^"\\\\\\x00-\\x1f]*)*`;
const ATTRIBUTE = `\\{"name":"${TEXT}","value":(?:null|${PLAIN})\\}`;

function optional(key: string, value: string): string {
  return `(?:,"${key}":${value})?`;
}

/** Every member at most once, in the order in which restic and holdfast write them (`tree-node.ts`). */
const NODE = new RegExp(
  `\\{"name":"(${TEXT})","type":"([a-z]*)"${optional('mode', NUMBER)}` +
    `,"mtime":${PLAIN},"atime":${PLAIN},"ctime":${PLAIN},"uid":${NUMBER},"gid":${NUMBER}` +
    optional('user', PLAIN) +
    optional('group', PLAIN) +
    ['inode', 'device_id', 'size', 'links'].map((key) => optional(key, NUMBER)).join('') +
    optional('linktarget', `"${TEXT}"`) +
    optional('linktarget_raw', PLAIN) +
    optional('extended_attributes', `\\[${ATTRIBUTE}(?:,${ATTRIBUTE})*\\]`) +
    optional('device', NUMBER) +
    `,"content":(?:null|\\[([^\\]]*)\\])${optional('subtree', '"([0-9a-f]{64})"')}\\}`,
  'y',
);

const START = '{"nodes":[';
const END = /\]\}\n?$/y;

/**
 * Calls `onNode` for each node. false: this is not the text that restic and holdfast write, and JSON's own rules have to say
 * what it is; nodes may have been given before.
 *
 * @param text The tree, one character a byte.
 */
export function scanTree(text: string, onNode: (node: ScannedNode) => boolean): boolean {
  if (!text.startsWith(START)) return false;
  let position = START.length;
  // An empty folder.
  if (isEnd(text, position)) return true;
  for (;;) {
    const match = matchNode(text, position);
    if (match === null) return false;
    const [all, name = '', type = '', content, subtree] = match;
    if (!onNode({ name, type, content, subtree })) return false;
    position += all.length;
    if (text[position] !== ',') return isEnd(text, position);
    position++;
  }
}

function matchNode(text: string, position: number): RegExpExecArray | null {
  NODE.lastIndex = position;
  try {
    return NODE.exec(text);
  } catch (error) {
    // Millions of escapes or attributes in one node exhaust the memory that an expression has to go back.
    if (error instanceof RangeError) return null;
    throw error;
  }
}

function isEnd(text: string, position: number): boolean {
  END.lastIndex = position;
  return END.test(text);
}
