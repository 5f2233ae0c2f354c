/** What a file system keeps of the metadata that it is given: disks of other systems have coarser times, no modes, no owners, no links. */
import type { ByteString } from '../common/byte-string.ts';
import { HoldfastError } from '../common/errors.ts';
import { displayPath } from './byte-path.ts';
import type { EntryMetadata, FileEntry, FileTree, KeptMetadata } from './file-tree.ts';
import { passTree } from './pass-tree.ts';

export interface DiskKeeps {
  /** Times are kept as multiples of this, rounded down: NTFS 100, FAT 2,000,000,000. */
  timeUnitNs: number;
  modes: boolean;
  /** Also this process may give files away. */
  owners: boolean;
  links: boolean;
}

const SECOND = 1_000_000_000;
/** Of the file systems that there are. Each leaves something else of `ODD_TIME_NS`. */
const TIME_UNITS = [1, 100, 1000, 1_000_000, 10_000_000, SECOND, 2 * SECOND];
const ODD_TIME_NS = 1_500_000_001_987_654_321n;
const NO_LINKS = 'the file system there has no symbolic links';
const MODES = [0o640, 0o604];

/**
 * Tries it with a file of this name and one beside it, which are removed. undefined: everything is kept, or it cannot be found out.
 *
 * @param name Nothing has it.
 * @param changesOwners Whether this process may give files away at all.
 */
export async function tryDiskKeeps(
  tree: FileTree,
  name: ByteString,
  changesOwners: boolean,
): Promise<DiskKeeps | undefined> {
  const link = `${name}-link` as ByteString;
  try {
    await tree.replace(name, nothing(), { mtimeNs: ODD_TIME_NS });
    const found = await tree.stat(name);
    const timeUnitNs = TIME_UNITS.find((unit) => found !== undefined && roundDown(ODD_TIME_NS, unit) === found.mtimeNs);
    if (timeUnitNs === undefined) return undefined;
    const keeps = {
      timeUnitNs,
      modes: (await isKept(tree, name, { mode: MODES[0] })) && (await isKept(tree, name, { mode: MODES[1] })),
      owners: changesOwners && (await isKept(tree, name, { uid: 1, gid: 1 })),
      links: await succeeds(() => tree.replaceSymlink(link, name, {})),
    };
    const isExact = timeUnitNs === 1 && keeps.modes && keeps.owners === changesOwners && keeps.links;
    return isExact ? undefined : keeps;
  } finally {
    for (const path of [name, link]) await succeeds(() => tree.remove(path));
  }
}

/** The tree, of whose entries no more is asked than the disk keeps. */
export function withinDiskKeeps(tree: FileTree, keeps: DiskKeeps): FileTree {
  const kept = ({ mode, mtimeNs, uid, gid }: EntryMetadata): EntryMetadata => ({
    ...(keeps.modes && { mode }),
    ...(mtimeNs !== undefined && { mtimeNs: roundDown(mtimeNs, keeps.timeUnitNs) }),
    ...(keeps.owners && { uid, gid }),
  });
  return {
    ...passTree(tree),
    replace: (path, content, metadata, options) => tree.replace(path, content, kept(metadata), options),
    async replaceSymlink(path, target, metadata) {
      if (!keeps.links)
        throw new HoldfastError('Usage', `${tree.description}/${displayPath(path)} cannot be made: ${NO_LINKS}`, {
          hint: 'Leave the link out.',
        });
      await tree.replaceSymlink(path, target, kept(metadata));
    },
    setMetadata: (path, metadata) => tree.setMetadata(path, kept(metadata)),
    makeFolder: (path, metadata) => tree.makeFolder(path, kept(metadata)),
    refuses: (entry) => (entry.type === 'symlink' && !keeps.links ? NO_LINKS : tree.refuses?.(entry)),
    keeps: (entry) => keptOf(entry, keeps),
  };
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
