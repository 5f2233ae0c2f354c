/** A folder whose tree is not finished: its entries so far, and how many of them are still being read or finished. */
import type { ByteString } from '../common/byte-string.ts';
import { fromText } from '../files/byte-path.ts';
import type { ParentFolder } from './parent-folder.ts';
import { encodeNode, type TreeNode } from './tree-node.ts';

const HEAD = '{"nodes":[';
const TAIL = ']}\n';
/** The text of a folder with many thousand entries is not made whole, as its bytes take as much. */
const JOINED_NODES = 1024;

/** What a folder is to the one that it stands in. */
export interface FolderPlace {
  parent: OpenFolder;
  /** Of its entry in the parent. */
  index: number;
  name: ByteString;
  /** The beginning of its node (`encodeNodeHead`, as UTF-8). */
  head: ByteString;
  /** The tree that the parent snapshot has in this place; undefined where it has no folder there. */
  previousTreeId: string | undefined;
  /** The parent snapshot has the same head. */
  hasSameHead: boolean;
}

/** What the parent snapshot has in a folder's place. */
export interface FolderBefore {
  treeId?: string | undefined;
  hasSameHead?: boolean;
  folder?: ParentFolder | undefined;
}

export class OpenFolder {
  /** undefined of the root. */
  readonly place: FolderPlace | undefined;
  /** What the parent snapshot has in it. */
  readonly previous: ParentFolder | undefined;
  /** The nodes' JSON (UTF-8) in byte order of the names; undefined: not finished, or left out. */
  readonly #entries: (ByteString | undefined)[] = [];
  /** Entries that are not finished, and the walk itself until it has seen all entries. */
  #pending = 1;
  /** All entries so far stand in the parent snapshot's tree, in the same order and without others between them. */
  #isSame: boolean;

  constructor(place?: FolderPlace, previous?: ParentFolder) {
    this.place = place;
    this.previous = previous;
    this.#isSame = previous !== undefined;
  }

  /** The parent snapshot's tree, when this folder has turned out to be exactly that. */
  get sameTreeId(): string | undefined {
    return this.#isSame && this.previous?.isAtEnd === true ? this.previous.treeId : undefined;
  }

  /** Adds an entry that is finished and stands next in the parent snapshot's tree (`ParentFolder.take`). */
  addSame(text: ByteString): void {
    this.#entries.push(text);
  }

  /** Adds an entry that is finished. */
  add(node: TreeNode): void {
    this.addText(fromText(encodeNode(node)));
  }

  addText(text: ByteString): void {
    this.#isSame = false;
    this.#entries.push(text);
  }

  /** Adds an entry that is finished later: `finishEntry`, then `settle`. Returns its number. */
  addPending(): number {
    this.#pending++;
    return this.#entries.push(undefined) - 1;
  }

  /** Adds a folder, which is to be settled in its turn. */
  addFolder(entry: Pick<FolderPlace, 'name' | 'head'>, before: FolderBefore = {}): OpenFolder {
    const { treeId, hasSameHead = false, folder } = before;
    const place = { parent: this, index: this.addPending(), ...entry, previousTreeId: treeId, hasSameHead };
    return new OpenFolder(place, folder);
  }

  /** @param text undefined: the entry is left out. */
  finishEntry(index: number, text: ByteString | undefined, isSame: boolean): void {
    if (!isSame) this.#isSame = false;
    this.#entries[index] = text;
  }

  /** Something of the folder is not in the snapshot, or not as it was. */
  differ(): void {
    this.#isSame = false;
  }

  /** One entry, or the walk, is finished; true when that was the last. */
  settle(): boolean {
    return --this.#pending === 0;
  }

  /** The tree's JSON, with all that is finished. */
  encode(): Buffer<ArrayBuffer> {
    const nodes = this.#entries.filter((text) => text !== undefined);
    const textLength = nodes.reduce((sum, text) => sum + text.length, Math.max(nodes.length - 1, 0));
    const tree = Buffer.allocUnsafe(HEAD.length + textLength + TAIL.length);
    let at = tree.write(HEAD, 'latin1');
    for (let first = 0; first < nodes.length; first += JOINED_NODES) {
      const joined = nodes.slice(first, first + JOINED_NODES).join(',');
      at += tree.write(first === 0 ? joined : `,${joined}`, at, 'latin1');
    }
    tree.write(TAIL, at, 'latin1');
    return tree;
  }
}
