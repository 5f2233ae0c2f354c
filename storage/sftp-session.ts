/** One SSH connection with its SFTP session: requests as promises, which all fail when the connection does. */
import type { SFTPWrapper } from 'ssh2';
import { InterruptedError, throwIfAborted } from '../common/errors.ts';
import { ConnectionLost } from './sftp-errors.ts';

/** How long a server may answer none of the requests that wait, though its connection is alive (a disk that hangs). */
export const SILENCE_MILLISECONDS = 120_000;

/** What ssh2 keeps of the server's limits (`limits@openssh.com`) and extensions, without a public name. */
interface SftpInternals {
  _maxReadLen?: number;
  _maxWriteLen?: number;
  _extensions?: Record<string, string>;
}

/** What every server must take (draft-ietf-secsh-filexfer-02, section 3). */
const SMALLEST_LIMIT = 32_768;
/** OpenSSH's own, and the most that ssh2 takes in one packet. */
const LARGEST_PIECE = 255 * 1024;

/** What a session needs of the connection that it runs on. */
export interface SftpConnection {
  /** For messages. */
  place: string;
  /** Ends the connection at once. */
  disconnect(): void;
  /** See `SftpSession.openAnother`. */
  openAnother(): Promise<SftpSession>;
  silenceMilliseconds?: number;
}

type Callback<Result> = (error?: Error | null, result?: Result) => void;

export class SftpSession {
  readonly #sftp: SFTPWrapper;
  readonly #place: string;
  readonly #disconnect: () => void;
  readonly #openAnother: () => Promise<SftpSession>;
  readonly #waiting = new Set<(error: Error) => void>();
  readonly #watchdog: NodeJS.Timeout;
  #answeredAt = performance.now();
  #lost: Error | undefined;
  #flusher: Promise<SftpSession> | undefined;
  /** Most bytes of one request. */
  readonly readPiece: number;
  readonly writePiece: number;

  constructor(sftp: SFTPWrapper, connection: SftpConnection) {
    const { place, disconnect, openAnother, silenceMilliseconds = SILENCE_MILLISECONDS } = connection;
    this.#sftp = sftp;
    this.#place = place;
    this.#disconnect = disconnect;
    this.#openAnother = openAnother;
    const { _maxReadLen, _maxWriteLen } = sftp as SftpInternals;
    this.readPiece = Math.min(_maxReadLen ?? SMALLEST_LIMIT, LARGEST_PIECE);
    this.writePiece = Math.min(_maxWriteLen ?? SMALLEST_LIMIT, LARGEST_PIECE);
    this.#watchdog = setInterval(() => this.#watch(silenceMilliseconds), Math.max(silenceMilliseconds / 8, 50));
    this.#watchdog.unref();
  }

  /** For messages. */
  get place(): string {
    return this.#place;
  }

  /** How many requests wait for their answer. */
  get load(): number {
    return this.#waiting.size;
  }

  get isLost(): boolean {
    return this.#lost !== undefined;
  }

  /**
   * One more session on the same connection, served by a process of its own: what one waits for (a disk), the other need
   * not. Rejects where the server allows no more.
   */
  async openAnother(): Promise<SftpSession> {
    if (this.#lost !== undefined) throw this.#lost;
    return this.#openAnother();
  }

  /** The session on which files of this one are flushed early; opened once. */
  async flusher(): Promise<SftpSession> {
    this.#flusher ??= this.openAnother();
    return this.#flusher;
  }

  /** Whether the server has an extension. */
  has(extension: string): boolean {
    return (this.#sftp as SftpInternals)._extensions?.[extension] !== undefined;
  }

  /**
   * Sends one request. Rejects with the server's status (an Error with a numeric `code`), with ConnectionLost, or with
   * InterruptedError when the signal fires, whose answer is then thrown away.
   */
  async request<Result>(
    send: (sftp: SFTPWrapper, done: Callback<Result>) => void,
    signal?: AbortSignal,
  ): Promise<Result> {
    throwIfAborted(signal);
    if (this.#lost !== undefined) throw this.#lost;
    if (this.#waiting.size === 0) this.#answeredAt = performance.now();
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    const onAbort = (): void => reject(new InterruptedError());
    this.#waiting.add(reject);
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      send(this.#sftp, (error, result) => {
        this.#answeredAt = performance.now();
        this.#waiting.delete(reject);
        if (error == null) resolve(result as Result);
        // Without a status it is no answer of the server's.
        else reject('code' in error ? error : new ConnectionLost(this.#place, error));
      });
      return await promise;
    } catch (error) {
      throw this.#lost ?? error;
    } finally {
      this.#waiting.delete(reject);
      signal?.removeEventListener('abort', onAbort);
    }
  }

  /** The connection is over: everything that waits fails. */
  lose(cause?: unknown): void {
    if (this.#lost !== undefined) return;
    this.#lost = new ConnectionLost(this.#place, cause);
    clearInterval(this.#watchdog);
    for (const reject of this.#waiting) reject(this.#lost);
    this.#waiting.clear();
    this.#disconnect();
  }

  #watch(silenceMilliseconds: number): void {
    if (this.#waiting.size === 0 || performance.now() - this.#answeredAt < silenceMilliseconds) return;
    this.lose(new Error(`no answer for ${Math.round(silenceMilliseconds / 1000)} s`));
  }
}
