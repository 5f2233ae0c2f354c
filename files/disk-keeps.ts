/** What a file system keeps of what it is given: disks of other systems have coarser times, no modes, no owners, no links, fewer names. */
import type { ByteString } from '../common/byte-string.ts';
import { HoldfastError } from '../common/errors.ts';
import { displayPath, toText } from './byte-path.ts';
import type { EntryMetadata, FileEntry, FileTree, FileType, KeptMetadata } from './file-tree.ts';
import { passTree } from './pass-tree.ts';

export interface DiskKeeps {
  /** Times are kept as multiples of this, rounded down: NTFS 100, FAT 2,000,000,000. */
  timeUnitNs: number;
  modes: boolean;
  /** Also this process may give files away. */
  owners: boolean;
  links: boolean;
  /** Names may have what Windows has other uses for (`:`, `?`, control characters, …), and need not be UTF-8. */
  oddNames: boolean;
  anyBytes: boolean;
}

const SECOND = 1_000_000_000;
/** Of the file systems that there are. Each leaves something else of `ODD_TIME_NS`. */
const TIME_UNITS = [1, 100, 1000, 1_000_000, 10_000_000, SECOND, 2 * SECOND];
const ODD_TIME_NS = 1_500_000_001_987_654_321n;
const NO_LINKS = 'the file system there has no symbolic links';
const MODES = [0o640, 0o604];
/** Of NTFS and FAT, besides the slash. */
// oxlint-disable-next-line no-control-regex -- they are what is meant
const ODD_SIGNS = /[\x00-\x1f"*:<>?|\\]/;

/**
 * Tries it with a file of this name and others that begin with it, which are removed. undefined: everything is kept, or it cannot be found out.
 *
 * @param name Nothing has it.
 * @param changesOwners Whether this process may give files away at all.
 */
export async function tryDiskKeeps(
  tree: FileTree,
  name: ByteString,
  changesOwners: boolean,
): Promise<DiskKeeps | undefined> {
  const [link, odd, notText] = ['-link', '-:?', '-\xff'].map((end) => (name + end) as ByteString);
  try {
    await tree.replace(name, nothing(), { mtimeNs: ODD_TIME_NS });
    const found = await tree.stat(name);
    const timeUnitNs = TIME_UNITS.find((unit) => found !== undefined && roundDown(ODD_TIME_NS, unit) === found.mtimeNs);
    if (timeUnitNs === undefined) return undefined;
    const keeps = {
      timeUnitNs,
      modes: (await isKept(tree, name, { mode: MODES[0] })) && (await isKept(tree, name, { mode: MODES[1] })),
      owners: changesOwners && (await isKept(tree, name, { uid: 1, gid: 1 })),
      links: await succeeds(() => tree.replaceSymlink(link!, name, {})),
      oddNames: await succeeds(() => tree.replace(odd!, nothing(), {})),
      anyBytes: await succeeds(() => tree.replace(notText!, nothing(), {})),
    };
    const { modes, owners, links, oddNames, anyBytes } = keeps;
    const isExact = timeUnitNs === 1 && modes && owners === changesOwners && links && oddNames && anyBytes;
    return isExact ? undefined : keeps;
  } finally {
    for (const path of [name, link!, odd!, notText!]) await succeeds(() => tree.remove(path));
  }
}

/** The tree, of whose entries no more is asked than the disk keeps. */
export function withinDiskKeeps(tree: FileTree, keeps: DiskKeeps): FileTree {
  const kept = ({ mode, mtimeNs, uid, gid }: EntryMetadata): EntryMetadata => ({
    ...(keeps.modes && { mode }),
    ...(mtimeNs !== undefined && { mtimeNs: roundDown(mtimeNs, keeps.timeUnitNs) }),
    ...(keeps.owners && { uid, gid }),
  });
  const requirePlace = (path: ByteString, type: FileType = 'file'): void => {
    const why = whyNoPlace({ path, type }, keeps);
    if (why === undefined) return;
    throw new HoldfastError('Usage', `${tree.description}/${displayPath(path)} has no place: ${why}`, {
      hint: 'Rename it, or leave it out.',
    });
  };
  return {
    ...passTree(tree),
    async *list(folder, options) {
      requirePlace(folder);
      yield* tree.list(folder, options);
    },
    async stat(path) {
      requirePlace(path);
      return tree.stat(path);
    },
    async openRead(path, options) {
      requirePlace(path);
      return tree.openRead(path, options);
    },
    async replace(path, content, metadata, options) {
      requirePlace(path);
      await tree.replace(path, content, kept(metadata), options);
    },
    async replaceSymlink(path, target, metadata) {
      requirePlace(path, 'symlink');
      await tree.replaceSymlink(path, target, kept(metadata));
    },
    async setMetadata(path, metadata) {
      requirePlace(path);
      await tree.setMetadata(path, kept(metadata));
    },
    async makeFolder(path, metadata) {
      requirePlace(path);
      await tree.makeFolder(path, kept(metadata));
    },
    async remove(path) {
      requirePlace(path);
      await tree.remove(path);
    },
    async rename(from, to) {
      requirePlace(from);
      requirePlace(to);
      await tree.rename(from, to);
    },
    refuses: (entry) => whyNoPlace(entry, keeps) ?? tree.refuses?.(entry),
    keeps: (entry) => keptOf(entry, keeps),
  };
}

function whyNoPlace({ path, type }: Pick<FileEntry, 'path' | 'type'>, keeps: DiskKeeps): string | undefined {
  if (type === 'symlink' && !keeps.links) return NO_LINKS;
  const sign = keeps.oddNames ? undefined : ODD_SIGNS.exec(path)?.[0];
  if (sign !== undefined) return `the file system there has no names with ${JSON.stringify(sign)}`;
  return keeps.anyBytes || toText(path) !== undefined ? undefined : 'the file system there has no names but in UTF-8';
}

function keptOf({ type, mode, mtimeNs, uid, gid }: FileEntry, { timeUnitNs, modes, owners }: DiskKeeps): KeptMetadata {
  return {
    mode: modes ? mode : type === 'dir' ? 0o700 : 0o600,
    mtimeNs: roundDown(mtimeNs, timeUnitNs),
    ...(owners ? { uid, gid } : { uid: 0, gid: 0 }),
  };
}

function roundDown(timeNs: bigint, unit: number): bigint {
  const rest = timeNs % BigInt(unit);
  return timeNs - (rest < 0n ? rest + BigInt(unit) : rest);
}

async function isKept(tree: FileTree, path: ByteString, wanted: Pick<EntryMetadata, 'mode' | 'uid' | 'gid'>) {
  if (!(await succeeds(() => tree.setMetadata(path, wanted)))) return false;
  const found = await tree.stat(path);
  return (Object.keys(wanted) as (keyof typeof wanted)[]).every((key) => found?.[key] === wanted[key]);
}

/** What a file system does not have it refuses, each in its own way. */
async function succeeds(work: () => Promise<void>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (error instanceof HoldfastError) return false;
    throw error;
  }
}

// oxlint-disable-next-line require-yield -- a file without content
async function* nothing(): AsyncGenerator<Uint8Array> {}
