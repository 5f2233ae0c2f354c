/** Which folders of a restore's target are still to be looked through for what a killed restore has left in them. */
import type { ByteString } from '../common/byte-string.ts';
import type { CompareBatch, RestoreFolderEntries } from './restore-messages.ts';

/** The digits in which temporary names of one restore differ. */
const COUNT_DIGITS = 8;

export class RestoreSweep {
  readonly #own: string;
  readonly #beforeMs = Date.now();
  readonly #swept = new Set<ByteString>();

  /** @param temporary One of this restore's own temporary names. */
  constructor(temporary: ByteString) {
    this.#own = temporary.slice(0, -COUNT_DIGITS);
  }

  /** A folder of many entries comes in many batches, and is looked through with the first of them. */
  of(folders: readonly RestoreFolderEntries[]): NonNullable<CompareBatch['sweep']> {
    const first = folders.map(({ folder }) => {
      if (this.#swept.has(folder)) return false;
      this.#swept.add(folder);
      return true;
    });
    return { own: this.#own, beforeMs: this.#beforeMs, folders: first };
  }
}
