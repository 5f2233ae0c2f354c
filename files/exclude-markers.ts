/** Folders that say by a file in them that their content is not to be backed up: `excludeIfPresent`, and `CACHEDIR.TAG`. */
import { closeSync, constants, lstatSync, openSync, readSync } from 'node:fs';
import type { ByteString } from '../common/byte-string.ts';
import { fromText, joinPath, toBytes } from './byte-path.ts';
import { isAbsence } from './file-errors.ts';

/** A marker file, and how its content must begin (empty: anything). */
export interface Marker {
  name: ByteString;
  header: ByteString;
}

/** Of https://bford.info/cachedir/. */
const CACHE_MARKER: Marker = {
  name: 'CACHEDIR.TAG' as ByteString,
  header: 'Signature: 8a477f597d28d172789f06886806bc55' as ByteString,
};

export interface MarkerSettings {
  /** `NAME` or `NAME:HEADER`, as restic takes them. */
  excludeIfPresent?: readonly string[];
  excludeCaches?: boolean;
}

export interface ExcludeMarkers {
  readonly isEmpty: boolean;
  /**
   * What stays of a folder: everything (undefined), or only entries of these names, when a marker is in it. The folder
   * itself stays, as restic keeps it. A marker that cannot be read does not count; `onError` is told.
   *
   * @param folder As the system reaches it.
   */
  keptIn(
    folder: ByteString,
    onError?: (marker: ByteString, error: unknown) => void,
  ): ReadonlySet<ByteString> | undefined;
}

export function createExcludeMarkers(settings: MarkerSettings): ExcludeMarkers {
  const markers = parseMarkers(settings);
  return {
    isEmpty: markers.length === 0,
    keptIn: (folder, onError) => keptBeside(markers.filter((marker) => isMarked(folder, marker, onError))),
  };
}

export function parseMarkers({ excludeIfPresent = [], excludeCaches = false }: MarkerSettings): Marker[] {
  const markers = excludeIfPresent.map((text) => parseMarker(fromText(text)));
  if (excludeCaches) markers.push(CACHE_MARKER);
  return markers;
}

/** What stays of a folder in which these markers are, as `ExcludeMarkers.keptIn` tells it. */
export function keptBeside(present: readonly Marker[]): ReadonlySet<ByteString> | undefined {
  if (present.length === 0) return undefined;
  // Each marker spares itself alone; two different ones exclude each other.
  const names = new Set(present.map(({ name }) => name));
  return names.size === 1 ? names : new Set();
}

function parseMarker(text: ByteString): Marker {
  const colon = text.indexOf(':');
  if (colon < 1) return { name: text, header: '' as ByteString };
  return { name: text.slice(0, colon) as ByteString, header: text.slice(colon + 1) as ByteString };
}

function isMarked(
  folder: ByteString,
  marker: Marker,
  onError: ((marker: ByteString, error: unknown) => void) | undefined,
): boolean {
  const path = joinPath(folder, marker.name);
  try {
    lstatSync(toBytes(path));
    return marker.header === '' || startsWith(path, marker.header);
  } catch (error) {
    if (!isAbsence(error)) onError?.(path, error);
    return false;
  }
}

function startsWith(path: ByteString, header: ByteString): boolean {
  // A fifo of that name must not hang the backup.
  const descriptor = openSync(toBytes(path), constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const start = Buffer.alloc(header.length);
    return readSync(descriptor, start, 0, start.length, 0) === start.length && start.equals(toBytes(header));
  } finally {
    closeSync(descriptor);
  }
}
