/** `holdfast dump`: the bytes of a file of a snapshot on stdout, or a folder as a tar archive. */
import { Option } from 'commander';
import type { ByteString } from '../common/byte-string.ts';
import { HoldfastError, InterruptedError, NotFoundError, throwIfAborted } from '../common/errors.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { displayPath } from '../files/byte-path.ts';
import { dumpContent } from '../repository/dump-content.ts';
import { dumpTar } from '../repository/dump-tar.ts';
import { findNode } from '../repository/find-node.ts';
import type { Repository } from '../repository/repository.ts';
import type { ByteAnswer, CliCommand, Output } from './command.ts';
import { describeSnapshot, displayText, shortId } from './display.ts';
import { addRepositoryOptions, withRepository, type RepositoryOptions } from './open-from-options.ts';
import { listReadableSnapshots } from './readable-snapshots.ts';
import {
  addSnapshotOptions,
  parseSnapshotArgument,
  ofPlace,
  selectSnapshot,
  type SnapshotOptions,
} from './select-snapshot.ts';
import { normalizeSnapshotPath } from './snapshot-paths.ts';

interface Options extends RepositoryOptions, SnapshotOptions {
  archive: 'tar';
}

/** An archive of small files would otherwise be written block by block. */
const CHUNK_BYTES = 256 * 1024;

export const command: CliCommand<Options> = {
  configure(command) {
    command
      .description(
        'Writes a file of a snapshot to stdout, or a folder as a tar archive. Every byte is verified before it is written; ' +
          'at the first damage the output ends: exit 5. Everything else is said on stderr; with --json errors are JSON there.',
      )
      .argument('[snapshot]', 'which snapshot')
      .argument('[path]', 'which file or folder; / is everything')
      .addOption(new Option('-a, --archive <format>', 'of a folder').choices(['tar']).default('tar'));
    addRepositoryOptions(addSnapshotOptions(command));
  },

  async run(context, { args, options }) {
    const { output } = context;
    const answer = output.bytes();
    const { snapshot: wanted, path } = parseWanted(args as (string | undefined)[], options);
    return withRepository(context, options, { role: 'reader', lock: 'reading' }, async (repository, signal, place) => {
      const { snapshots, status } = await listReadableSnapshots(repository, wanted, output, signal);
      const snapshot = selectSnapshot(snapshots, wanted, ofPlace(options, place));
      await repository.loadIndex({ signal });
      const content = await openContent(repository, snapshot, path, { signal, output, answer });
      output.note(`dumping ${displayPath(path) || '/'} from ${describeSnapshot(snapshot)}`);
      await writeAll(content, answer, output, signal);
      return status;
    });
  },
};

/** The path is the second argument, or belongs to the first (`SNAPSHOT:/path`), or is the first when `--at` names the snapshot. */
function parseWanted(args: (string | undefined)[], options: SnapshotOptions): { snapshot: string; path: ByteString } {
  const [first, second] = args;
  if (second === undefined && options.at !== undefined && first?.startsWith('/') === true)
    return { snapshot: 'latest', path: normalizeSnapshotPath(first) };
  const { snapshot, subPath } = parseSnapshotArgument(first, options);
  if (second !== undefined && subPath !== undefined)
    throw new HoldfastError('Usage', 'two paths are given', { hint: 'write SNAPSHOT PATH, or SNAPSHOT:/path' });
  const path = second ?? subPath;
  // An unset variable of a script, not everything.
  if (path === undefined || path === '')
    throw new HoldfastError('Usage', 'no path is named', { hint: 'name a file or a folder; / is everything' });
  return { snapshot, path: normalizeSnapshotPath(path) };
}

interface Way {
  signal: AbortSignal;
  output: Output;
  answer: ByteAnswer;
}

async function openContent(
  repository: Repository,
  snapshot: Snapshot,
  path: ByteString,
  { signal, output, answer }: Way,
): Promise<AsyncIterable<Buffer>> {
  const node = path === '' ? undefined : await findPath(repository, snapshot, path, signal);
  if (node?.type === 'file') return dumpContent(repository, path, node, signal);
  const tree = node === undefined ? snapshot.tree : node.subtree;
  if (tree === undefined)
    throw new HoldfastError(
      'Usage',
      `${displayPath(path)} is neither a file nor a folder but a ${displayText(node!.type)}`,
      {
        hint: 'dump the folder it lies in, or use "holdfast restore"',
      },
    );
  if (answer.onTerminal)
    throw new HoldfastError('Usage', `${displayPath(path) || '/'} is a folder, and a terminal shows no tar archive`, {
      hint: 'send it to a file or a program: holdfast dump … > FILE, holdfast dump … | tar -x',
    });
  return dumpTar(repository, {
    tree,
    path,
    signal,
    onSkipped: (skipped, { type }) =>
      output.note(`left out ${displayPath(skipped)}: a tar archive holds no ${displayText(type)}`),
  });
}

async function findPath(
  repository: Repository,
  snapshot: Snapshot,
  path: ByteString,
  signal: AbortSignal,
): Promise<NonNullable<Awaited<ReturnType<typeof findNode>>>> {
  const node = await findNode(repository, snapshot.tree, path, signal);
  if (node !== undefined) return node;
  throw new NotFoundError(`snapshot ${shortId(snapshot.id)} has no ${displayPath(path)}`, {
    hint: 'see what it has: holdfast ls SNAPSHOT',
  });
}

/** Waits for the reader after each chunk; a reader that takes nothing more does not keep an interruption waiting. */
async function writeAll(
  content: AsyncIterable<Buffer>,
  answer: ByteAnswer,
  output: Output,
  signal: AbortSignal,
): Promise<void> {
  const interrupted = Promise.withResolvers<never>();
  interrupted.promise.catch(() => undefined);
  const onAbort = (): void => interrupted.reject(new InterruptedError());
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    throwIfAborted(signal);
    for await (const chunk of joinSmall(content)) {
      if (output.closed) return;
      await Promise.race([answer.write(chunk), interrupted.promise]);
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** What was whole before a failure is written, too. */
async function* joinSmall(content: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let waiting: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of content) {
      waiting.push(chunk);
      size += chunk.length;
      if (size < CHUNK_BYTES) continue;
      yield waiting.length === 1 ? chunk : Buffer.concat(waiting);
      waiting = [];
      size = 0;
    }
  } catch (error) {
    if (size > 0) yield Buffer.concat(waiting);
    throw error;
  }
  if (size > 0) yield Buffer.concat(waiting);
}
