/** The connections to one server: opened as there is work for them, replaced when they are lost. */
import { InterruptedError, StorageError, throwIfAborted } from '../common/errors.ts';
import type { OnRetry } from '../common/progress.ts';
import { backOff, MAX_ATTEMPTS } from './backoff.ts';
import { ConnectionLost } from './sftp-errors.ts';
import type { SftpSession } from './sftp-session.ts';

/** How long a server may be away before work that goes on elsewhere is given up: no further try is begun then. */
const PATIENCE_MILLISECONDS = 5000;

/** Work under way on each session before another one is opened. */
const WORK_PER_SESSION = 4;

/**
 * Sessions on each connection, each a process of its own on the server, once all connections have enough to do: a server
 * works on one request of a session after the other, and a disk syncs several small files in the time of one.
 */
const SESSIONS_PER_CONNECTION = 4;

/** A connection that counts as busy until it is released. */
export interface HeldConnection {
  session: SftpSession;
  release(): void;
}

class Member {
  readonly session: Promise<SftpSession>;
  /** The first session of its connection; itself, when it is that. */
  readonly first: Member;
  opened: SftpSession | undefined;
  work = 0;

  constructor(session: Promise<SftpSession>, first?: Member) {
    this.session = session;
    this.first = first ?? this;
  }
}

export class SftpPool {
  readonly #connect: () => Promise<SftpSession>;
  readonly #onRetry: OnRetry | undefined;
  #limit: number;
  #members: Member[] = [];
  #sessionsPerConnection = SESSIONS_PER_CONNECTION;
  /** A line that is cut may be cut again: from then on each connection carries little, so that a cut costs little. */
  #workPerSession = WORK_PER_SESSION;
  #closed = false;

  constructor(connect: () => Promise<SftpSession>, limit: number, onRetry?: OnRetry) {
    this.#connect = connect;
    this.#limit = limit;
    this.#onRetry = onRetry;
  }

  /**
   * Does work on a connection; `repeatable` work is done once more, on a fresh connection, when its own was lost.
   * `again` tells the work that an earlier attempt may have succeeded unheard.
   */
  async run<Result>(
    work: (session: SftpSession, again: boolean) => Promise<Result>,
    options: { repeatable: boolean; signal: AbortSignal | undefined },
  ): Promise<Result> {
    try {
      return await this.#runOnce((session) => work(session, false), options.signal);
    } catch (error) {
      if (!(error instanceof ConnectionLost)) throw error;
      this.#spread();
      if (!options.repeatable || this.#closed) throw error;
      throwIfAborted(options.signal);
      return await this.#runAgain(work, error, options.signal);
    }
  }

  /** A server that is silent takes as long again to be found so. */
  async #runAgain<Result>(
    work: (session: SftpSession, again: boolean) => Promise<Result>,
    { message }: ConnectionLost,
    signal: AbortSignal | undefined,
  ): Promise<Result> {
    this.#onRetry?.({ what: message, atMs: Date.now() });
    try {
      return await this.#runOnce((session) => work(session, true), signal);
    } finally {
      this.#onRetry?.(undefined);
    }
  }

  /** Whether a connection was lost: more may be. */
  get wasCut(): boolean {
    return this.#workPerSession < WORK_PER_SESSION;
  }

  #spread(): void {
    this.#workPerSession = 1;
    this.#sessionsPerConnection = 1;
  }

  /**
   * A connection for work that goes on where it was when its own was lost. A server that is away for some seconds is waited
   * for. Throws StorageError.
   */
  async hold(lost: ConnectionLost, signal: AbortSignal | undefined): Promise<HeldConnection> {
    this.#spread();
    const begun = performance.now();
    this.#onRetry?.({ what: lost.message, atMs: Date.now() });
    try {
      for (let failures = 1; ; failures++) {
        try {
          return await this.#hold(signal);
        } catch (error) {
          const isLast = failures >= MAX_ATTEMPTS || performance.now() - begun > PATIENCE_MILLISECONDS;
          if (isLast || !(error instanceof StorageError) || !error.retryable) throw error;
          await backOff(failures, error, { signal, onRetry: this.#onRetry });
        }
      }
    } finally {
      this.#onRetry?.(undefined);
    }
  }

  async #hold(signal: AbortSignal | undefined): Promise<HeldConnection> {
    throwIfAborted(signal);
    if (this.#closed) throw closedError();
    const member = this.#choose();
    member.work++;
    const release = (): void => void member.work--;
    try {
      return { session: await this.#sessionOf(member, signal), release };
    } catch (error) {
      release();
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    const members = this.#members;
    this.#members = [];
    for (const { session } of members) {
      const opened = await session.catch(() => undefined);
      opened?.lose(new Error('the storage was closed'));
    }
  }

  async #runOnce<Result>(work: (session: SftpSession) => Promise<Result>, signal: AbortSignal | undefined) {
    const { session, release } = await this.#hold(signal);
    try {
      return await work(session);
    } finally {
      release();
    }
  }

  /** Some servers let an account have a few connections or sessions only: what one more would have done, the others do. */
  async #sessionOf(member: Member, signal: AbortSignal | undefined): Promise<SftpSession> {
    try {
      return await abortable(member.session, signal);
    } catch (error) {
      const other = this.#members.find(({ opened }) => opened?.isLost === false)?.opened;
      if (other === undefined || signal?.aborted === true) throw error;
      if (member.first === member) this.#limit = Math.max(this.#connections().size, 1);
      else this.#sessionsPerConnection = Math.max(this.#connections().get(member.first) ?? 0, 1);
      return other;
    }
  }

  /** The first session of each connection, with how many there are on it. */
  #connections(): Map<Member, number> {
    const counts = new Map<Member, number>();
    for (const { first } of this.#members) counts.set(first, (counts.get(first) ?? 0) + 1);
    return counts;
  }

  /** The least busy session; a new connection, then a new session of one, where all have enough to do. */
  #choose(): Member {
    this.#members = this.#members.filter(({ opened }) => opened?.isLost !== true);
    let best: Member | undefined;
    for (const member of this.#members) if (best === undefined || member.work < best.work) best = member;
    if (best !== undefined && best.work < this.#workPerSession) return best;
    const connections = this.#connections();
    if (best === undefined || connections.size < this.#limit) return this.#open();
    let least = this.#sessionsPerConnection;
    let first: Member | undefined;
    for (const [each, count] of connections) {
      if (count >= least || each.opened === undefined) continue;
      least = count;
      first = each;
    }
    return first === undefined ? best : this.#open(first);
  }

  /** One more connection, or one more session on one that is open. */
  #open(first?: Member): Member {
    // Several callers share it: the signal of one must not take it from the others.
    const session = first?.opened?.openAnother() ?? this.#connect();
    const member = new Member(session, first);
    this.#members.push(member);
    member.session.then(
      (session) => {
        member.opened = session;
        if (this.#closed) session.lose();
      },
      () => {
        this.#members = this.#members.filter((each) => each !== member);
      },
    );
    return member;
  }
}

/** Stops waiting when the signal fires; what was waited for goes on. */
async function abortable<Result>(work: Promise<Result>, signal: AbortSignal | undefined): Promise<Result> {
  if (signal === undefined) return work;
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(new InterruptedError());
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

function closedError(): StorageError {
  return new StorageError('the storage was closed', { retryable: false });
}
