/** The trees of a sync's target: as they are, or in rclone's crypt format when the policy says so. */
import { basename, join } from 'node:path';
import { HoldfastError } from '../common/errors.ts';
import { rateClock } from '../common/rate-limits.ts';
import type { SyncSettings } from '../domain/action.ts';
import { fromText, toBytes } from '../files/byte-path.ts';
import type { CryptSettings } from '../files/encrypted-tree.ts';
import { withinDiskKeeps, type DiskKeeps } from '../files/disk-keeps.ts';
import type { FileTree } from '../files/file-tree.ts';
import { openLocalTree } from '../files/local-tree.ts';
import { passTree } from '../files/pass-tree.ts';
import { throttledTree } from '../storage/throttled-tree.ts';
import type { Dependencies } from './dependencies.ts';

/** A source directory and the tree of its copy. */
export interface TargetTree {
  /** Absolute: the source. */
  directory: string;
  /** Whether the copy is a location's root, in which the lock of its syncs lies. */
  isLocationRoot: boolean;
  /** Opens it anew at each call. */
  open(): Promise<FileTree>;
}

/**
 * Each source directory with the place of its copy: a single one becomes the target itself, several are placed in it by
 * their names. Throws Usage when two would share a place, what resolving the secrets throws, and WrongPassword when the
 * target is encrypted and the password does not fit: then nothing there may be judged, least of all removed. `keeps`: what a disk
 * of this machine does.
 */
export async function planTargetTrees(
  deps: Dependencies,
  settings: SyncSettings,
  { keeps, signal }: { keeps: DiskKeeps | undefined; signal: AbortSignal },
): Promise<TargetTree[]> {
  const names = namePlaces(settings);
  const place = (directory: string, stored: string, wrap = (tree: FileTree): FileTree => tree): TargetTree => {
    const path = joinPlaces(settings.path, stored);
    return {
      directory,
      isLocationRoot: path === '',
      open: async () => wrap(await openTarget(deps, settings, path, keeps)),
    };
  };
  if (settings.encrypt === undefined) return names.map(([directory, name]) => place(directory, name));
  // Loads libsodium, a fifth of what all other code of a sync takes.
  const [{ createNameCipher }, { openEncryptedTree }] = await Promise.all([
    import('../files/crypt-names.ts'),
    import('../files/encrypted-tree.ts'),
  ]);
  const crypt = await resolveCrypt(deps, settings.encrypt);
  await requireKey(await openWholeTarget(deps, settings), crypt, signal);
  const cipher = createNameCipher(crypt.names, crypt.keys);
  return names.map(([directory, name]) => {
    const stored = name === '' ? '' : toBytes(cipher.encrypt(fromText(name), 'dir')).toString('utf8');
    return place(directory, stored, (tree) => openEncryptedTree(tree, crypt));
  });
}

/** The target as it is stored, all of it. */
export function openWholeTarget(deps: Dependencies, settings: SyncSettings): Promise<FileTree> {
  return openTarget(deps, settings, settings.path);
}

/** Copies as writer, removes as maintainer, and keeps to the location's rates. */
async function openTarget(
  deps: Dependencies,
  { to }: SyncSettings,
  path: string,
  keeps?: DiskKeeps,
): Promise<FileTree> {
  if (to.local === undefined) {
    const tree = await deps.openTree(to, path, 'writer');
    if (to.identities?.maintainer === undefined) return tree;
    return removingAs(tree, () => deps.openTree(to, path, 'maintainer'));
  }
  const local = openLocalTree(join(to.local.path, path));
  const tree = keeps === undefined ? local : withinDiskKeeps(local, keeps);
  const limitsAt = rateClock(to.limits ?? {});
  return limitsAt === undefined ? tree : throttledTree(tree, limitsAt);
}

/** The second tree is opened when something is removed, or moved where that takes a removal. */
function removingAs(tree: FileTree, open: () => Promise<FileTree>): FileTree {
  let remover: Promise<FileTree> | undefined;
  return {
    ...passTree(tree),
    async remove(path) {
      remover ??= open();
      await (await remover).remove(path);
    },
    async rename(from, to) {
      if (tree.renamesByRemoving === true) remover ??= open();
      await (tree.renamesByRemoving === true ? (await remover)! : tree).rename(from, to);
    },
    async close() {
      await Promise.all([tree.close(), remover?.then((opened) => opened.close()).catch(() => undefined)]);
    },
  };
}

/** Below a location; either may be empty. */
function joinPlaces(path: string, name: string): string {
  return [path, name].filter((part) => part !== '').join('/');
}

function namePlaces(settings: SyncSettings): [directory: string, name: string][] {
  const { directories } = settings.source;
  if (directories.length === 1) return [[directories[0]!, '']];
  const names = directories.map((directory) => basename(directory));
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) {
    throw new HoldfastError(
      'Usage',
      `two source directories are both named "${twice}", so that their copies would share a place`,
      {
        hint: 'Sync them by two entries of "sync" with different paths.',
      },
    );
  }
  return directories.map((directory, index) => [directory, names[index]!]);
}

async function resolveCrypt(
  deps: Dependencies,
  { password, salt, names }: NonNullable<SyncSettings['encrypt']>,
): Promise<CryptSettings> {
  const { deriveCryptKeys } = await import('../files/crypt-content.ts');
  const secrets = [await deps.resolveSecret(password), salt && (await deps.resolveSecret(salt))] as const;
  return { keys: await deriveCryptKeys(...secrets), names };
}

async function requireKey(stored: FileTree, crypt: CryptSettings, signal: AbortSignal): Promise<void> {
  try {
    const { cryptKeyFits } = await import('../files/crypt-check.ts');
    if (await cryptKeyFits(stored, crypt, signal)) return;
  } finally {
    await stored.close();
  }
  throw new HoldfastError(
    'WrongPassword',
    `what the sync target ${stored.description} holds cannot be decrypted with the policy's password and salt`,
    {
      hint: 'Correct passwordFrom or saltFrom. If the password was changed on purpose, or these files are damaged, move them away: the next run makes the copy anew.',
    },
  );
}
