/** A file that is being written, on one connection after the other: what has arrived stays, and what was under way is sent again. */
import type { InputAttributes, Stats } from 'ssh2';
import { StorageError } from '../common/errors.ts';
import { backOff, MAX_ATTEMPTS } from './backoff.ts';
import { ConnectionLost, SftpStatus, sftpStatus } from './sftp-errors.ts';
import type { HeldConnection, SftpPool } from './sftp-pool.ts';
import type { SftpSession } from './sftp-session.ts';
import { openRemote, type OpenFile } from './sftp-transfer.ts';

export interface UploadPlace {
  pool: SftpPool;
  /** Its temporary name. */
  path: string;
  /** That it was made with. */
  mode: number;
  signal: AbortSignal | undefined;
}

export class SftpUpload {
  readonly #place: UploadPlace;
  #file: OpenFile;
  #held: HeldConnection | undefined;
  #reopening: Promise<void> | undefined;
  /** The file ends there or later: this far the server has answered. */
  #reached = 0;
  #hasMoved = true;
  #failures = 0;
  #isOpenedUp = false;

  constructor(file: OpenFile, place: UploadPlace) {
    this.#file = file;
    this.#place = place;
  }

  get file(): OpenFile {
    return this.#file;
  }

  /** What must be set before those that are wanted. */
  get ownAttributes(): InputAttributes[] {
    return this.#isOpenedUp ? [{ mode: this.#place.mode }] : [];
  }

  /** Tells that the server has what ends there. */
  noteArrived(end: number): void {
    this.#hasMoved = true;
    this.#reached = Math.max(this.#reached, end);
  }

  /**
   * Does work on the file, and does it again on another connection when its own is lost, as long as one of five brings the upload
   * further. `again`: an earlier attempt may have succeeded unheard. `opens`: false where the file may have its own name by then.
   */
  async on<Result>(work: (file: OpenFile, again: boolean) => Promise<Result>, { opens } = { opens: true }) {
    for (let again = false; ; again = true) {
      const file = this.#file;
      try {
        return await work(file, again);
      } catch (error) {
        if (!(error instanceof ConnectionLost)) throw error;
        // All that was under way fails at once, and waits for the one connection.
        if (this.#file === file)
          await (this.#reopening ??= this.#reopen(error, opens).finally(() => (this.#reopening = undefined)));
      }
    }
  }

  /** Must be called. */
  end(): void {
    this.#held?.release();
    this.#held = undefined;
  }

  async #reopen(first: ConnectionLost, opens: boolean): Promise<void> {
    const { pool, signal } = this.#place;
    for (let lost = first; ;) {
      this.#failures = this.#hasMoved ? 1 : this.#failures + 1;
      this.#hasMoved = false;
      if (this.#failures >= MAX_ATTEMPTS) throw lost;
      if (this.#failures > 1) await backOff(this.#failures - 1, lost, { signal });
      this.end();
      this.#held = await pool.hold(lost, signal);
      const { session } = this.#held;
      try {
        this.#file = opens ? await this.#openAgain(session) : { session, handle: NO_HANDLE };
        return;
      } catch (error) {
        if (!(error instanceof ConnectionLost)) throw error;
        lost = error;
      }
    }
  }

  /** A server that came up again after a crash may not have all that it had: then nothing is taken for granted. */
  async #openAgain(session: SftpSession): Promise<OpenFile> {
    const { path, mode, signal } = this.#place;
    const open = (): Promise<OpenFile> => openRemote(session, path, 'r+', { signal });
    const file = await open().catch(async (error: unknown) => {
      if (sftpStatus(error) !== SftpStatus.permissionDenied) throw error;
      // It was made for nobody to write into.
      await session.request<void>((sftp, done) => sftp.chmod(path, mode | 0o200, done));
      this.#isOpenedUp = true;
      return open();
    });
    const { size } = await session.request<Stats>((sftp, done) => sftp.fstat(file.handle, done), signal);
    if (size >= this.#reached) return file;
    throw new StorageError(
      `${session.place} has ${size} bytes of an upload of which it had ${this.#reached} before the connection was lost`,
      { hint: 'Look whether the server was started anew, then run it again.' },
    );
  }
}

const NO_HANDLE = Buffer.alloc(0);
