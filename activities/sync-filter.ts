/** Which entries of a directory and its copy a sync sees: the policy's choice, without what a sync keeps there for itself. */
import type { ByteString } from '../common/byte-string.ts';
import type { SourceSettings } from '../domain/action.ts';
import type { ExcludeMarkers } from '../files/exclude-markers.ts';
import type { FileEntry } from '../files/file-tree.ts';
import { createSourceFilter, type SourceFilter } from './source-filter.ts';
import { isSyncLock, isSyncMarker, isVersionsFolder } from './sync-own-names.ts';

/** Plain data, which a thread can be given. */
export interface SyncFilterSettings {
  settings: SourceSettings;
  /** Absolute: the source. */
  directory: string;
  /** Of the source. */
  device: bigint | undefined;
  include: readonly string[];
  /** The copy is a location's root, in which the lock of its syncs lies. */
  hasLocks: boolean;
  /** The source is a location's root, in which the locks of syncs into it lie. */
  sourceHasLocks: boolean;
}

/** `choosesAll`: below the root nothing is left out. */
export interface SyncFilter extends SourceFilter {
  readonly settings: SyncFilterSettings;
  /** As `ofCopy`, without the lock of the sync. */
  ofTarget(entry: FileEntry): boolean;
  isLock(path: ByteString): boolean;
}

/** @param markers Of a source that is not on this machine. */
export function createSyncFilter(settings: SyncFilterSettings, markers?: ExcludeMarkers): SyncFilter {
  const filter = createSourceFilter(settings.settings, settings.directory, settings.device, settings.include, markers);
  // What was kept aside, and the marker of a target, are no content of the folder, on neither side.
  const isOwn = (path: ByteString): boolean => isVersionsFolder(path) || isSyncMarker(path);
  const isLock = (path: ByteString): boolean => settings.hasLocks && isSyncLock(path);
  const ofCopy = (entry: FileEntry): boolean => !isOwn(entry.path) && filter.ofCopy(entry);
  return {
    settings,
    choosesAll: filter.choosesAll,
    ofSource: (entry) =>
      !isOwn(entry.path) && !(settings.sourceHasLocks && isSyncLock(entry.path)) && filter.ofSource(entry),
    ofCopy,
    isLock,
    ofTarget: (entry) => !isLock(entry.path) && ofCopy(entry),
  };
}
