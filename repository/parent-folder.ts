/** A folder as the parent snapshot's tree has it, read along with a walk in byte order: what is the same is compared as text and never parsed. */
import type { ByteString } from '../common/byte-string.ts';
import { toBytes } from '../files/byte-path.ts';
import { isHexDigit } from './hex.ts';
import { decodeNodeText, decodeTree, type TreeNode } from './tree-node.ts';

const START = '{"nodes":[';
/** What a tree may end with. */
const ENDS = [']}\n', ']}'];
const CONTENT = ',"content":';
const NO_CONTENT = 'null';
const SUBTREE = ',"subtree":"';
const ID_DIGITS = 64;
/** From the beginning of one id of a content to that of the next: `ID","`. */
const ID_STEP = ID_DIGITS + 3;

const BACKSLASH = 0x5c;
const QUOTE = 0x22;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/** What stands behind the head of an entry that `take` found. */
export interface ParentEntry {
  /** The whole node, as it stands in the tree. */
  text: ByteString;
  /** Ids of the data blobs. */
  content: string[];
  /** Of a folder: the id of its tree. */
  subtree: string | undefined;
}

/**
 * Entries are asked for in the order of a walk: by the bytes of their names, each once. Trees of other layouts than
 * restic's (white space, other members) are valid, too: of these every entry is parsed.
 */
export class ParentFolder {
  readonly treeId: string;
  readonly #text: ByteString;
  /** Where the next node begins, or the end of all. */
  #at: number;
  /** The next node, once it was parsed. */
  #next: { node: TreeNode; end: number } | undefined;
  /** Of a tree whose layout is not restic's. */
  readonly #nodes: Map<ByteString, TreeNode> | undefined;

  /** @param content The tree's JSON; it is copied. Throws IntegrityError when it is no tree. */
  constructor(treeId: string, content: Buffer) {
    this.treeId = treeId;
    this.#text = content.toString('latin1') as ByteString;
    this.#at = START.length;
    if (!this.#text.startsWith(START)) this.#nodes = nodesByName(content);
  }

  /** Whether all entries have been passed. */
  get isAtEnd(): boolean {
    const { length } = this.#text;
    const isShort = length - this.#at <= ENDS[0]!.length;
    return this.#nodes === undefined && isShort && ENDS.includes(this.#text.slice(this.#at));
  }

  /** The next entry, if it begins with this head (`encodeNodeHead`, as UTF-8) and holds nothing unusual behind it. */
  take(head: ByteString): ParentEntry | undefined {
    const text = this.#text;
    const start = this.#at;
    if (this.#nodes !== undefined || !text.startsWith(head, start)) return undefined;
    let at = start + head.length;
    if (!text.startsWith(CONTENT, at)) return undefined;
    at += CONTENT.length;
    const content: string[] = [];
    if (text.charCodeAt(at) === OPEN_BRACKET) at = this.#readContent(at + 1, content);
    else if (text.startsWith(NO_CONTENT, at)) at += NO_CONTENT.length;
    else return undefined;
    let subtree: string | undefined;
    if (text.startsWith(SUBTREE, at)) {
      at += SUBTREE.length;
      subtree = text.slice(at, at + ID_DIGITS);
      at += ID_DIGITS + 1;
    }
    if (text.charCodeAt(at) !== CLOSE_BRACE || !this.#isFollowed(at + 1)) return undefined;
    this.#move(at + 1);
    return { text: text.slice(start, at + 1) as ByteString, content, subtree };
  }

  /** The entry of this name; those before it are passed over. Throws IntegrityError when the tree is malformed. */
  find(name: ByteString): TreeNode | undefined {
    if (this.#nodes !== undefined) return this.#nodes.get(name);
    while (this.#text.charCodeAt(this.#at) === OPEN_BRACE) {
      this.#next ??= this.#parseNext();
      const { node, end } = this.#next;
      if (node.name > name) return undefined;
      this.#move(end);
      if (node.name === name) return node;
    }
    return undefined;
  }

  /** Returns where the list ends; -1 when it is none of ids. */
  #readContent(start: number, content: string[]): number {
    const text = this.#text;
    if (text.charCodeAt(start) === CLOSE_BRACKET) return start + 1;
    for (let at = start + 1; ; at += ID_STEP) {
      const end = at + ID_DIGITS;
      if (text.charCodeAt(at - 1) !== QUOTE || text.charCodeAt(end) !== QUOTE) return -1;
      for (let digit = at; digit < end; digit++) if (!isHexDigit(text.charCodeAt(digit))) return -1;
      content.push(text.slice(at, end));
      const next = text.charCodeAt(end + 1);
      if (next === CLOSE_BRACKET) return end + 2;
      if (next !== COMMA) return -1;
    }
  }

  /** Whether behind a node stands the next one, or the end of all. */
  #isFollowed(end: number): boolean {
    if (this.#text.charCodeAt(end) !== COMMA) return this.#text.charCodeAt(end) === CLOSE_BRACKET;
    return this.#text.charCodeAt(end + 1) === OPEN_BRACE;
  }

  #move(end: number): void {
    this.#next = undefined;
    this.#at = this.#text.charCodeAt(end) === COMMA ? end + 1 : end;
  }

  #parseNext(): { node: TreeNode; end: number } {
    const end = endOfObject(this.#text, this.#at);
    const bytes = toBytes(this.#text.slice(this.#at, end) as ByteString);
    return { node: decodeNodeText(bytes.toString('utf8')), end };
  }
}

function nodesByName(content: Buffer): Map<ByteString, TreeNode> {
  return new Map(decodeTree(content).map((node) => [node.name, node]));
}

/** Behind the brace that closes the object; the text's end when there is none. */
function endOfObject(text: ByteString, start: number): number {
  let depth = 0;
  let quoted = false;
  for (let at = start; at < text.length; at++) {
    const character = text.charCodeAt(at);
    if (character === QUOTE) quoted = !quoted;
    else if (quoted) at += character === BACKSLASH ? 1 : 0;
    else if (character === OPEN_BRACE) depth++;
    else if (character === CLOSE_BRACE && --depth === 0) return at + 1;
  }
  return text.length;
}
