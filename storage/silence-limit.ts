/** How long a server may be silent before a connection to it is given up: one setting for all kinds of remote storage. */
import { parseDuration } from '../common/durations.ts';
import { HoldfastError } from '../common/errors.ts';
import type { SftpTiming } from './sftp-connect.ts';
import type { StorageSurroundings } from './storage-location.ts';

const VARIABLE = 'HOLDFAST_STORAGE_TIMEOUT';

/** A server that still answers "are you there?", but no request, may have a slow disk: it gets more time. */
const SILENT_REQUESTS = 4;

/** Milliseconds of the person's own setting (`HOLDFAST_STORAGE_TIMEOUT=90s`); undefined: the drivers' 30 seconds. Throws Usage. */
export function silenceLimit({ environment }: StorageSurroundings): number | undefined {
  const text = environment[VARIABLE] || undefined;
  if (text === undefined) return undefined;
  const seconds = parseDuration(text);
  if (seconds > 0) return seconds * 1000;
  throw new HoldfastError('Usage', `${VARIABLE} is ${text}: no server could answer in time`, {
    hint: 'Give how long a server may be silent, such as 30s.',
  });
}

/** The same, as SFTP's connections keep to it. */
export function sftpTiming(limitMilliseconds: number): Partial<SftpTiming> {
  return {
    handshakeMilliseconds: limitMilliseconds,
    keepaliveMilliseconds: Math.ceil(limitMilliseconds / 3),
    keepaliveCount: 3,
    silenceMilliseconds: SILENT_REQUESTS * limitMilliseconds,
  };
}
