/** Which folders of a restore's target are still to be looked through for what a killed restore has left in them. */
import type { ByteString } from '../common/byte-string.ts';
import type { RestoreFolderEntries } from './restore-messages.ts';

export class RestoreSweep {
  readonly #swept = new Set<ByteString>();

  /** A folder of many entries comes in many batches, and is looked through with the first of them. */
  of(folders: readonly RestoreFolderEntries[]): boolean[] {
    return folders.map(({ folder }) => {
      if (this.#swept.has(folder)) return false;
      this.#swept.add(folder);
      return true;
    });
  }
}
