/** Copies the files of a sync many at once, where its trees have a way to do so. */
import type { ByteString } from '../common/byte-string.ts';
import { NotFoundError, throwIfAborted } from '../common/errors.ts';
import type { SyncDecision } from '../domain/sync-plan.ts';
import { displayPath } from '../files/byte-path.ts';
import type { EntryMetadata, FileEntry, TreeCopier } from '../files/file-tree.ts';
import { statSource } from './kept-entry.ts';
import { withOwnMode } from './own-mode.ts';
import type { MakeFolder, SyncRun } from './sync-copy.ts';

/** Of fewer, each is made durable by itself: to sync the whole file system would also wait for what others have written. */
const LEAST_FILES = 64;

type Decision = SyncDecision<FileEntry>;

export interface BulkCopies {
  makeFolder: MakeFolder;
  /** Hands on what it does not copy; when it ends, all is copied, and durable. */
  take(decisions: AsyncIterable<Decision>): AsyncGenerator<Decision>;
  /** Must be called. */
  close(): Promise<void>;
}

export interface BulkCopyOptions {
  /** Files and links that will be copied. */
  expected: number;
  metadataOf: (entry: FileEntry) => EntryMetadata;
  onCopied: (sizeBytes: number) => void;
  /** Of the source; NotFound: it vanished. */
  onUnreadable: (path: ByteString, error: unknown) => void;
}

/** Undefined when the files are few, or the trees cannot. */
export function openBulkCopies(run: SyncRun, options: BulkCopyOptions): BulkCopies | undefined {
  if (options.expected < LEAST_FILES) return undefined;
  const failed: ByteString[] = [];
  const told = {
    onCopied: (_: ByteString, sizeBytes: number) => options.onCopied(sizeBytes),
    onFailed: (path: ByteString) => void failed.push(path),
  };
  const copier = run.target.openCopier?.(run.source, told, run.signal);
  return copier === undefined ? undefined : bulkCopies(run, copier, { ...options, failed });
}

function bulkCopies(
  run: SyncRun,
  copier: TreeCopier,
  { metadataOf, onUnreadable, failed }: Pick<BulkCopyOptions, 'metadataOf' | 'onUnreadable'> & { failed: ByteString[] },
): BulkCopies {
  return {
    makeFolder: (path, metadata) =>
      // What is moved into a folder, and not copied, finds it by its name.
      run.renames?.leadInto(path) === true || metadata.mode === undefined
        ? run.target.makeFolder(path, metadata)
        : copier.makeFolder(path, metadata.mode),
    async *take(decisions) {
      for await (const decision of decisions) {
        throwIfAborted(run.signal);
        // Soon, and not at the end: where the disk is full, so is it for all that come.
        yield* copyAlone(run, failed.splice(0), onUnreadable);
        const { step, source, path } = decision;
        // What a file replaces may have to be kept aside.
        const isCopied =
          step === 'copy' ? run.renames?.has(path) !== true : step === 'replace' && run.versions === undefined;
        if (source === undefined || !isCopied) yield decision;
        else await copier.copy(source, metadataOf(source));
      }
      await copier.settle();
      yield* copyAlone(run, failed.splice(0), onUnreadable);
    },
    close: () => copier.close(),
  };
}

/** By the way that tells why: what cannot be read becomes a finding, and what cannot be written fails the run. */
async function* copyAlone(
  run: SyncRun,
  paths: readonly ByteString[],
  onUnreadable: BulkCopyOptions['onUnreadable'],
): AsyncGenerator<Decision> {
  for (const path of paths) {
    const source = await requireSource(run, path).catch((error: unknown) => onUnreadable(path, error));
    if (source === undefined) continue;
    yield { step: 'copy', path, reason: 'not copied with the others', source: withOwnMode(run, source) };
  }
}

async function requireSource(run: SyncRun, path: ByteString): Promise<FileEntry> {
  const source = await statSource(run, path);
  if (source?.type === 'file' || source?.type === 'symlink') return source;
  throw new NotFoundError(`${run.source.description}/${displayPath(path)} is no longer there`);
}
