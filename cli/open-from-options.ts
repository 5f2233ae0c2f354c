/** Opens the repository that the options name: one of the policies, or any place with a password. */
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { HoldfastError } from '../common/errors.ts';
import type { EvidenceSettings } from '../domain/action.ts';
import type { LockKind, Repository, RepositoryLock } from '../repository/repository.ts';
import type { Storage, StorageRole } from '../storage/storage.ts';
import type { CliContext } from './command.ts';
import type { LookedUpPolicies } from './compile-policies.ts';
import { discardWrites } from './discard-writes.ts';
import { EarlyWork, type EarlyStart } from './early-work.ts';
import { resolveSecret } from './resolve-secret.ts';
import type { OpenLocation } from './storage-opener.ts';

export interface RepositoryOptions {
  repository?: string;
  repo?: string;
  /** With `repo`, of a bucket: the service's URL, and the region. */
  endpoint?: string;
  region?: string;
  policies?: string;
  passwordFile?: string;
  passwordCommand?: string;
  /** Commander's form of `--no-lock`. */
  lock: boolean;
  waitLock?: string;
  /** Of a second repository: what its options begin with. */
  prefix?: 'from-';
}

/** Where a repository is and how it opens, before anything was read of it. */
export interface RepositoryPlace {
  /** For messages. */
  name: string;
  openStorage(role: StorageRole): Promise<Storage>;
  /** `confirm`: a new password, asked for twice. */
  password(confirm?: boolean): Promise<string>;
  compression: 'none' | 'auto' | 'max';
  /** Of a repository of the policies: where forgotten snapshots are noted, and how long prune spares their data. */
  grace?: { evidence: EvidenceSettings; seconds: number; openStorage: OpenLocation };
  /** Of a repository of the policies: all of them. */
  policies?: LookedUpPolicies;
}

/**
 * What a command does with an open repository; the signal also fires when the lock is lost. `held` matters to work that
 * begins early (`Access.beginsEarly`): it resolves when the lock is held.
 */
export type RepositoryWork<Result> = (
  repository: Repository,
  signal: AbortSignal,
  place: RepositoryPlace,
  held: Promise<void>,
) => Promise<Result>;

export interface Access {
  role: StorageRole;
  /**
   * `reading`: a shared lock where one can be had; a repository that is locked, or that this account cannot write to, is
   * read all the same, because a restore at night must not wait for a lock that a dead machine left behind.
   */
  lock: LockKind | 'reading' | 'none';
  /**
   * The work begins while the lock settles: it writes and tells nothing before `held`. When the lock was withdrawn in
   * favour of somebody else's, it ends by its signal, and begins anew.
   */
  beginsEarly?: boolean;
  /** Processors that are free to make the password a key. Default: all. */
  processors?: number;
  /** A dry run of what writes: everything happens but the writing. */
  discardWrites?: boolean;
  /** Instead of the repository's own. */
  compression?: RepositoryPlace['compression'] | undefined;
}

export function addRepositoryOptions(command: Command): Command {
  return command
    .optionsGroup('Which repository:')
    .option('--repository <name>', 'a repository of the policies')
    .option('--policies <path>', 'where the policies are', 'policies')
    .option(
      '--repo <where>',
      'a repository anywhere: a path, sftp://user@host/path, s3://bucket/prefix, gs://bucket/prefix',
    )
    .option('--endpoint <url>', 'with --repo s3:// or gs://: the service, when it is not AWS or Google')
    .option('--region <name>', 'with --repo s3://: the region of the bucket')
    .option('--password-file <file>', 'with --repo: the file that holds its password')
    .option('--password-command <command>', 'with --repo: a shell command that prints its password')
    .option('--no-lock', 'take no lock: for a repository nobody else writes to')
    .option('--wait-lock <duration>', 'how long to wait for the locks of others (30s, 10m)')
    .addHelpText(
      'after',
      '\nThe repository is named by --repository NAME, or by --repo WHERE with --password-file, --password-command, the\nvariable HOLDFAST_PASSWORD, or a password typed in.',
    );
}

/** Opens, locks, works, unlocks and closes, in every case. `found`: what `findRepository` has found already. */
export async function withRepository<Result>(
  context: CliContext,
  options: RepositoryOptions,
  access: Access,
  work: RepositoryWork<Result>,
  found?: RepositoryPlace,
): Promise<Result> {
  const place = found ?? (await findRepository(context, options));
  const password = await place.password();
  const { openRepository } = await import('../repository/open-repository.ts');
  const storage = await openFor(access, place);
  let repository: Repository;
  try {
    const compression = access.compression ?? place.compression;
    // This thread has nothing to do until the repository is open, and may be blocked.
    const { processors = availableParallelism() } = access;
    repository = await openRepository(storage, password, { signal: context.signal, compression, processors });
  } catch (error) {
    await storage.close();
    throw error;
  }
  try {
    // Before a lock is waited for, or files are read that cannot be stored. Stale locks go from any repository.
    if (
      access.discardWrites === true ||
      (access.role !== 'reader' && access.lock !== 'none' && access.lock !== 'reading')
    )
      await refuseOldFormat(repository);
    const result = await withLock(context, options, access, repository, (signal, held) =>
      work(repository, signal, place, held),
    );
    const requests = storage.counts?.();
    if (requests !== undefined && context.verbosity > 0) {
      const { describeRequests } = await import('./describe-requests.ts');
      context.output.detail(`asked of the storage: ${describeRequests(requests)}`);
    }
    return result;
  } finally {
    await repository.close();
  }
}

async function openFor({ role, discardWrites: isDry = false }: Access, place: RepositoryPlace): Promise<Storage> {
  const storage = await place.openStorage(role);
  if (isDry) return discardWrites(storage);
  if (role !== 'reader') return storage;
  const [{ readOnly }, { isLockName }] = await Promise.all([
    import('../storage/read-only.ts'),
    import('../repository/reader-storage.ts'),
  ]);
  return readOnly(storage, isLockName);
}

async function refuseOldFormat(repository: Repository): Promise<void> {
  const { requireWritableFormat } = await import('../repository/require-writable-format.ts');
  requireWritableFormat(repository);
}

async function withLock<Result>(
  context: CliContext,
  options: RepositoryOptions,
  { lock: kind, beginsEarly = false }: Access,
  repository: Repository,
  work: EarlyStart<Result>,
): Promise<Result> {
  if (kind === 'none' || !options.lock) return work(context.signal, Promise.resolve());
  const early = beginsEarly ? new EarlyWork(repository, work) : undefined;
  let lock: RepositoryLock | undefined;
  try {
    lock = await takeLock(context, options, kind, repository, (withdrawn) => early?.begin(withdrawn));
    if (lock === undefined) await early?.end();
    else {
      const signal = AbortSignal.any([context.signal, lock.lost]);
      return await (early?.finish(signal) ?? work(signal, Promise.resolve()));
    }
  } catch (error) {
    if (lock?.lost.aborted !== true || context.signal.aborted) throw error;
    throw new HoldfastError('RepositoryLocked', `the lock of ${repository.storage.description} was lost`, {
      hint: 'run the command again: others may have worked on the repository since',
      cause: error,
    });
  } finally {
    await early?.end();
    if ((await lock?.release()) === false)
      context.output.warn(
        `the lock of this run stays in ${repository.storage.description} until it expires, half an hour from now: this identity may not delete`,
      );
  }
  return work(context.signal, Promise.resolve());
}

/** undefined: there is none, and none is needed. */
async function takeLock(
  context: CliContext,
  options: RepositoryOptions,
  kind: LockKind | 'reading',
  repository: Repository,
  onWritten: (withdrawn: AbortSignal) => void,
): Promise<RepositoryLock | undefined> {
  const { output, signal } = context;
  const waitSeconds = await parseWait(options.waitLock);
  const onWait = (holder: string): void => output.note(`waiting for the ${holder}`);
  try {
    return await repository.lock(kind === 'reading' ? 'shared' : kind, { signal, waitSeconds, onWait, onWritten });
  } catch (error) {
    if (kind !== 'reading' || !(error instanceof HoldfastError)) throw error;
    if (error.code === 'RepositoryLocked') output.warn(`${error.message}; reading without a lock`);
    else if (error.code === 'AccessDenied' || error.code === 'StorageUnreachable')
      output.detail(`no lock can be written (${error.message}); reading without one`);
    else throw error;
    return undefined;
  }
}

async function parseWait(text: string | undefined): Promise<number> {
  if (text === undefined) return 0;
  const { parseDuration } = await import('../common/durations.ts');
  return parseDuration(text);
}

/** Throws Usage when the options name no repository, or two. */
export async function findRepository(context: CliContext, options: RepositoryOptions): Promise<RepositoryPlace> {
  const { repository, repo, prefix = '' } = options;
  if (repository !== undefined && repo !== undefined)
    throw new HoldfastError('Usage', `both --${prefix}repository and --${prefix}repo are given`, {
      hint: 'name the repository once',
    });
  if (repo !== undefined) return placeOfUrl(context, repo, options);
  if (repository !== undefined) {
    const { placeOfPolicies } = await import('./place-of-policies.ts');
    return placeOfPolicies(context, repository, options.policies ?? 'policies');
  }
  throw new HoldfastError('Usage', `no repository ${prefix === '' ? '' : 'to read from '}is named`, {
    hint: `give --${prefix}repository NAME (of the policies), or --${prefix}repo WHERE --${prefix}password-file FILE`,
  });
}

async function placeOfUrl(context: CliContext, where: string, options: RepositoryOptions): Promise<RepositoryPlace> {
  const [{ parseRepositoryUrl }, { storageOpener }] = await Promise.all([
    import('../storage/repository-url.ts'),
    import('./storage-opener.ts'),
  ]);
  const { endpoint, region } = options;
  const parsed = parseRepositoryUrl(where, {
    environment: context.environment,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(region === undefined ? {} : { region }),
  });
  const location =
    parsed.local === undefined ? parsed : { local: { path: resolve(context.directory, parsed.local.path) } };
  const openStorage = storageOpener(context, context.directory);
  return {
    name: where,
    openStorage: (role) => openStorage(location, '', role),
    password: (confirm = false) => readPassword(context, where, options, confirm),
    compression: 'auto',
  };
}

async function readPassword(
  context: CliContext,
  where: string,
  options: RepositoryOptions,
  confirm: boolean,
): Promise<string> {
  const { environment, directory, signal } = context;
  const sources = { environment, baseDirectory: directory, allowCommands: true, signal };
  const { passwordFile, passwordCommand, prefix = '' } = options;
  const variable = prefix === '' ? 'HOLDFAST_PASSWORD' : 'HOLDFAST_FROM_PASSWORD';
  if (passwordFile !== undefined) return resolveSecret({ file: passwordFile }, sources);
  if (passwordCommand !== undefined) return resolveSecret({ command: ['/bin/sh', '-c', passwordCommand] }, sources);
  if (environment[variable] !== undefined) return resolveSecret({ env: variable }, sources);
  if (!context.interactive)
    throw new HoldfastError('Usage', `no password is given for the repository ${where}`, {
      hint: `give --${prefix}password-file FILE or --${prefix}password-command COMMAND, or set ${variable}`,
    });
  const { askPassword } = await import('./ask-password.ts');
  const password = await askPassword(`password of ${where}: `, signal);
  if (confirm && (await askPassword('the same again: ', signal)) !== password)
    throw new HoldfastError('Usage', 'the two passwords differ', { hint: 'run the command again' });
  return password;
}
