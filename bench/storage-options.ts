/** What `npm run bench -- storage` may be told. */
import { chosenOf, parseComparison, type ComparisonOptions } from './comparison-options.ts';
import { SERVER_KINDS, TRANSFERS, type ServerKind, type Transfer } from './transfer-workload.ts';

export const STORAGE_HELP = `npm run bench -- storage [options]

Starts an SSH server (sshd), an S3 server (versitygw) and a server of Google's API (fake-gcs-server) on loopback, and lets
holdfast, sftp, rclone and restic do the same transfers in turn: put and get of 1 GiB, 2,000 files of 10 KiB, a backup of a copy of
/usr/share, put and get of 5 GiB. Prints wall seconds, CPU seconds of client and server, peak memory (medians of the rounds) and holdfast's
ratio to each, taken round by round; then what has to be reached, and whether it was. Exit status 1: something that must be
reached was not.

  --work DIR        where the files are kept (default: holdfast-bench in the folder for temporary files, which the
                    servers use in any case); 20 GiB of free disk are needed
  --rounds N        rounds of each transfer (default 3; of those of 5 GiB always one)
  --scale X         the size of files and tree, more than 0 and at most 1 (default 1)
  --only NAME       only this server (${SERVER_KINDS.join(', ')}), transfer (${TRANSFERS.join(', ')}) or
                    program (may be given again). holdfast always runs
  --peer NAME=PATH  one more restic, such as restic-0.19 (may be given again)
  --save NAME       write the report to NAME.md and NAME.json, to be committed: no path and no name of the machine is in it
  --json            one JSON document instead of the tables
  --help            this text
`;

export interface StorageOptions extends ComparisonOptions {
  servers: ServerKind[];
  transfers: Transfer[];
}

/** Throws an Error with one sentence when the options make no sense. */
export function parseStorageOptions(args: string[]): StorageOptions {
  const { words, ...options } = parseComparison(args, { rounds: 3, words: [...SERVER_KINDS, ...TRANSFERS] });
  return { ...options, servers: chosenOf(SERVER_KINDS, words), transfers: chosenOf(TRANSFERS, words) };
}
