/** The snapshots that a restore or a listing may choose from: one damaged file must not keep the others from being restored. */
import type { Snapshot } from '../domain/snapshot.ts';
import type { Repository } from '../repository/repository.ts';
import type { Output } from './command.ts';
import { ExitStatus } from './exit-status.ts';

export interface ReadableSnapshots {
  snapshots: Snapshot[];
  /** Ids of the files that cannot be read. */
  broken: string[];
  /** Integrity when a snapshot that cannot be read could have been the one that `wanted` means: anything but an id. */
  status: ExitStatus;
}

/** Names every snapshot file that cannot be read in a warning. */
export async function listReadableSnapshots(
  repository: Repository,
  wanted: string,
  output: Output,
  signal: AbortSignal,
): Promise<ReadableSnapshots> {
  const readable = await readSnapshots(repository, wanted, signal);
  warnOfBroken(output, readable);
  return readable;
}

/** For who may not tell anything yet. */
export async function readSnapshots(
  repository: Repository,
  wanted: string,
  signal: AbortSignal,
): Promise<ReadableSnapshots> {
  const broken: string[] = [];
  const snapshots = await repository.listSnapshots({ signal, onError: (id) => void broken.push(id) });
  const isSure = broken.length === 0 || wanted !== 'latest';
  return { snapshots, broken, status: isSure ? ExitStatus.done : ExitStatus.integrity };
}

export function warnOfBroken(output: Output, { broken }: ReadableSnapshots): void {
  for (const id of broken) output.warn(`the snapshot file ${id} cannot be read; run holdfast check`);
}
