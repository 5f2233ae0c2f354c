/** Opens the storage of locations for a command: with the person's own environment, and secrets resolved at use. */
import { openStorage } from '../storage/open-storage.ts';
import type { StorageLocation } from '../storage/storage-location.ts';
import type { Storage, StorageRole } from '../storage/storage.ts';
import type { CliContext } from './command.ts';
import { resolveSecret } from './resolve-secret.ts';

export type OpenLocation = (location: StorageLocation, path: string, role: StorageRole) => Promise<Storage>;

/**
 * `baseDirectory`: where relative secret files are looked up. A person who asks by hand runs the programs that the
 * policies name, as the embedded worker does.
 */
export function storageOpener(context: CliContext, baseDirectory: string): OpenLocation {
  const { environment, signal } = context;
  const sources = { environment, baseDirectory, allowCommands: true, signal };
  const surroundings = {
    environment,
    resolveSecret: (reference: Parameters<typeof resolveSecret>[0]) => resolveSecret(reference, sources),
    onRetry: context.output.trouble,
  };
  return (location, path, role) => openStorage(location, path, role, surroundings);
}
