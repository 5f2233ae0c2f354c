/** Which entries of the sources are left out: by pattern, by a marker file in their folder, by size, by device. */
import type { BigIntStats } from 'node:fs';
import type { ByteString } from '../common/byte-string.ts';
import { createExcludeMarkers, type ExcludeMarkers } from '../files/exclude-markers.ts';
import { compilePatterns, type PatternList } from '../files/patterns.ts';
import { typeOf } from './source-node.ts';

/** What `SourceSettings` of a policy says about exclusion. */
export interface SelectionSettings {
  /** restic's patterns. */
  exclude: string[];
  excludeIfPresent: string[];
  excludeCaches: boolean;
  excludeLargerThanBytes?: number;
  oneFileSystem: boolean;
}

export class SourceSelection {
  readonly #patterns: PatternList;
  readonly #markers: ExcludeMarkers;
  readonly #settings: SelectionSettings;

  /** Throws a Usage error for malformed patterns. */
  constructor(settings: SelectionSettings) {
    this.#settings = settings;
    this.#patterns = compilePatterns(settings.exclude);
    this.#markers = createExcludeMarkers(settings);
  }

  /** Whether a pattern excludes the absolute path, and with it all below. */
  excludesPath(path: ByteString): boolean {
    return !this.#patterns.isEmpty && this.#patterns.matches(path);
  }

  /** @param device The source's device, where `oneFileSystem` holds the backup. */
  excludesEntry(stat: BigIntStats, device: bigint | undefined): boolean {
    if (typeOf(stat) === 'dir') return false;
    const { oneFileSystem, excludeLargerThanBytes } = this.#settings;
    if (oneFileSystem && device !== undefined && stat.dev !== device) return true;
    return excludeLargerThanBytes !== undefined && stat.size > BigInt(excludeLargerThanBytes);
  }

  /** Whether a folder is on another device than its source, so that its content is left out. */
  isForeignFolder(stat: BigIntStats, device: bigint | undefined): boolean {
    return this.#settings.oneFileSystem && device !== undefined && stat.dev !== device;
  }

  /** The names of a folder that a marker file in it leaves; all of them (the same array) when there is no marker. */
  keepNames(path: ByteString, names: ByteString[]): ByteString[] {
    const kept = this.#markers.isEmpty ? undefined : this.#markers.keptIn(path);
    return kept === undefined ? names : names.filter((name) => kept.has(name));
  }
}
