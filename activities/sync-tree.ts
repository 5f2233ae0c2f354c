/** The trees of a sync's target: as they are, or in rclone's crypt format when the policy says so. */
import { basename, join } from 'node:path';
import { HoldfastError } from '../common/errors.ts';
import type { SyncSettings } from '../domain/action.ts';
import { fromText, toBytes } from '../files/byte-path.ts';
import { cryptKeyFits } from '../files/crypt-check.ts';
import { deriveCryptKeys } from '../files/crypt-content.ts';
import { createNameCipher } from '../files/crypt-names.ts';
import { openEncryptedTree, type CryptSettings } from '../files/encrypted-tree.ts';
import type { FileTree } from '../files/file-tree.ts';
import { openLocalTree } from '../files/local-tree.ts';
import type { Dependencies } from './dependencies.ts';
import { targetDirectory } from './sync-target.ts';

/** A source directory and the tree of its copy. */
export interface TargetTree {
  /** Absolute: the source. */
  directory: string;
  /** Absolute: the copy. */
  targetPath: string;
  /** Opens it anew at each call. */
  open(): FileTree;
}

/**
 * Each source directory with the place of its copy: a single one becomes the target itself, several are placed in it by
 * their names. Throws Usage when two would share a place, what resolving the secrets throws, and WrongPassword when the
 * target is encrypted and the password does not fit: then nothing there may be judged, least of all removed.
 */
export async function planTargetTrees(
  deps: Dependencies,
  settings: SyncSettings,
  signal: AbortSignal,
): Promise<TargetTree[]> {
  const target = targetDirectory(settings);
  const names = namePlaces(settings);
  if (settings.encrypt === undefined) {
    return names.map(([directory, name]) => {
      const targetPath = join(target, name);
      return { directory, targetPath, open: () => openLocalTree(targetPath) };
    });
  }
  const crypt = await resolveCrypt(deps, settings.encrypt);
  await requireKey(target, crypt, signal);
  const cipher = createNameCipher(crypt.names, crypt.keys);
  return names.map(([directory, name]) => {
    const stored = name === '' ? '' : toBytes(cipher.encrypt(fromText(name), 'dir')).toString('utf8');
    const targetPath = join(target, stored);
    return { directory, targetPath, open: () => openEncryptedTree(openLocalTree(targetPath), crypt) };
  });
}

/** The target as it is stored, all of it. */
export function openWholeTarget(settings: SyncSettings): FileTree {
  return openLocalTree(targetDirectory(settings));
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
  const secrets = [await deps.resolveSecret(password), salt && (await deps.resolveSecret(salt))] as const;
  return { keys: await deriveCryptKeys(...secrets), names };
}

async function requireKey(target: string, crypt: CryptSettings, signal: AbortSignal): Promise<void> {
  const inner = openLocalTree(target);
  try {
    if (await cryptKeyFits(inner, crypt, signal)) return;
  } finally {
    await inner.close();
  }
  throw new HoldfastError(
    'WrongPassword',
    `what the sync target ${target} holds cannot be decrypted with the policy's password and salt`,
    {
      hint: 'Correct passwordFrom or saltFrom. If the password was changed on purpose, or these files are damaged, move them away: the next run makes the copy anew.',
    },
  );
}
