/** Which entries of the sources are left out: by pattern, by a marker file in their folder, by size, by device. */
import type { ByteString } from '../common/byte-string.ts';
import { joinPath } from '../files/byte-path.ts';
import type { EntryStat } from '../files/entry-stat.ts';
import { createExcludeMarkers, type ExcludeMarkers } from '../files/exclude-markers.ts';
import { compilePatterns, type PatternList } from '../files/patterns.ts';
import { typeOf } from './source-node.ts';

/** What `SourceSettings` of a policy says about exclusion. */
export interface SelectionSettings {
  /** restic's patterns. */
  exclude: string[];
  /** The same, but case does not count; each of the two lists excludes by itself. */
  iexclude?: string[];
  excludeIfPresent: string[];
  excludeCaches: boolean;
  excludeLargerThanBytes?: number;
  oneFileSystem: boolean;
}

export class SourceSelection {
  readonly #patterns: PatternList[];
  readonly #markers: ExcludeMarkers;
  readonly #settings: SelectionSettings;
  readonly #onExcluded: (path: ByteString) => void;

  /**
   * Throws a Usage error for malformed patterns.
   *
   * @param onExcluded Told of each entry that is left out; not of those below it.
   */
  constructor(settings: SelectionSettings, onExcluded: (path: ByteString) => void = () => undefined) {
    this.#settings = settings;
    const { exclude, iexclude = [] } = settings;
    const lists = [compilePatterns(exclude), compilePatterns(iexclude, { ignoreCase: true })];
    this.#patterns = lists.filter((list) => !list.isEmpty);
    this.#markers = createExcludeMarkers(settings);
    this.#onExcluded = onExcluded;
  }

  /** Whether a pattern excludes the absolute path, and with it all below. */
  excludesPath(path: ByteString): boolean {
    if (!this.#patterns.some((list) => list.matches(path))) return false;
    this.#onExcluded(path);
    return true;
  }

  /** @param device The source's device, where `oneFileSystem` holds the backup. */
  excludesEntry(path: ByteString, stat: EntryStat, device: bigint | undefined): boolean {
    if (typeOf(stat) === 'dir') return false;
    const { oneFileSystem, excludeLargerThanBytes } = this.#settings;
    const isForeign = oneFileSystem && device !== undefined && stat.device !== device;
    const isTooLarge = excludeLargerThanBytes !== undefined && stat.sizeBytes > excludeLargerThanBytes;
    if (!isForeign && !isTooLarge) return false;
    this.#onExcluded(path);
    return true;
  }

  /** Whether a folder is on another device than its source, so that its content is left out. */
  isForeignFolder(stat: EntryStat, device: bigint | undefined): boolean {
    return this.#settings.oneFileSystem && device !== undefined && stat.device !== device;
  }

  /**
   * The names of a folder that a marker file in it leaves; all of them (the same array) when there is no marker.
   *
   * @param sources Names that lead to sources, which no marker leaves out.
   */
  keepNames(path: ByteString, names: ByteString[], sources?: ReadonlyMap<ByteString, unknown>): ByteString[] {
    const kept = this.#markers.isEmpty ? undefined : this.#markers.keptIn(path);
    if (kept === undefined) return names;
    return names.filter((name) => {
      if (kept.has(name) || sources?.has(name) === true) return true;
      this.#onExcluded(joinPath(path, name));
      return false;
    });
  }
}
