/** The programs that move files to and from remote locations, and how each is told to do the same work. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { PASSWORD, type EmptyRepository } from './empty-repository.ts';
import { findOnPath } from './find-on-path.ts';
import { run, type Command } from './measure-process.ts';
import type { MoveRequest } from './move-files.ts';
import { KINDS } from './program-kinds.ts';
import { findPrograms, HOLDFAST, type Program } from './programs.ts';
import type { Site } from './transfer-servers.ts';
import type { Transfer } from './transfer-workload.ts';

export interface Work {
  transfer: Transfer;
  site: Site;
  /** Here: a file for `put` and `get`, a folder for the others. */
  place: string;
  /** There: of a folder; the file of `put` and `get` is `FILE` in it. */
  name: string;
  empty: EmptyRepository;
  /** Where the program may keep caches. */
  home: string;
}

/** The name of the one file that is put or got. */
export const FILE = 'large';

export interface Mover {
  name: string;
  version: string;
  transfers: readonly Transfer[];
  command(work: Work): Command;
}

const PUT_GET: readonly Transfer[] = ['put', 'get', 'long-put', 'long-get'];
const MOVES: readonly Transfer[] = [...PUT_GET, 'files'];

/** Fewest and fastest requests: no hashes asked for, no times set, chunks as large as OpenSSH takes. */
const RCLONE_BEST = {
  sftp: [
    ...[
      '--sftp-chunk-size',
      '255k',
      '--sftp-concurrency',
      '64',
      '--sftp-disable-hashcheck',
      '--sftp-set-modtime=false',
    ],
    ...['--ignore-times', '--no-traverse', '--no-check-dest', '--transfers', '16', '--checkers', '16'],
  ],
  bucket: ['--no-traverse', '--no-check-dest', '--ignore-checksum', '--transfers', '32', '--checkers', '32'],
  s3: ['--s3-no-check-bucket', '--s3-no-head', '--s3-disable-checksum'],
  gcs: ['--gcs-no-check-bucket'],
};

/**
 * holdfast first, then `sftp` and rclone where they are on the PATH, each as it comes and with what makes it fastest, then
 * every restic. Throws an Error when a named peer cannot be run, or `only` names one that is not there.
 */
export function findMovers(peers: { name: string; file: string }[], only: string[] | undefined): Mover[] {
  const repositories = findPrograms(peers, undefined).filter(({ kind }) => kind === 'restic' || kind === HOLDFAST);
  const all = [...repositories.filter(isHoldfast).map(holdfast), ...sftp(), ...rclone()];
  all.push(...repositories.filter((program) => !isHoldfast(program)).map(restic));
  const unknown = only?.find((name) => !all.some((mover) => mover.name === name));
  if (unknown !== undefined) {
    const known = all.map(({ name }) => name).join(', ');
    throw new Error(`--only ${unknown} is no server, no transfer, and none of the programs here: ${known}.`);
  }
  return all.filter(({ name }) => name === HOLDFAST || only === undefined || only.includes(name));
}

function isHoldfast({ kind }: Program): boolean {
  return kind === HOLDFAST;
}

function holdfast(program: Program): Mover {
  return {
    name: program.name,
    version: program.version,
    transfers: [...MOVES, 'backup'],
    command(work) {
      const { transfer, site, place, name: folder, home } = work;
      if (transfer === 'backup') return backup(program, work, `sftp://${site.address}/${site.folderOf(folder)}`, []);
      const action = transfer === 'files' ? 'files' : transfer.endsWith('put') ? 'put' : 'get';
      const request: MoveRequest = { action, location: site.location(folder), place, name: FILE };
      const file = path.join(import.meta.dirname, 'move-files.ts');
      return {
        file: process.execPath,
        args: [file, JSON.stringify(request)],
        // The folder of what is compiled stays when the home of a transfer goes.
        environment: { ...site.environment, NODE_COMPILE_CACHE: path.join(path.dirname(home), 'compile-cache') },
      };
    },
  };
}

function sftp(): Mover[] {
  const file = findOnPath('sftp');
  const ssh = findOnPath('ssh');
  if (file === undefined || ssh === undefined) return [];
  // It tells no version of its own; ssh tells that of both, on stderr.
  const version =
    run({ file: 'sh', args: ['-c', 'exec "$1" -V 2>&1', 'sh', ssh] })
      .split(',')[0]
      ?.trim() ?? '';
  const mover = (name: string, cipher: string[], said: string): Mover => ({
    name,
    version: said,
    transfers: PUT_GET,
    command({ transfer, site, place, name: folder, home }) {
      const there = path.join(site.folderOf(folder), FILE);
      const batch = path.join(home, 'batch');
      writeFileSync(batch, transfer.endsWith('put') ? `put ${place} ${there}\n` : `get ${there} ${place}\n`);
      return { file, args: [...site.ssh, ...cipher, '-b', batch, site.login] };
    },
  });
  const fast = ['-c', 'aes128-gcm@openssh.com'];
  return [mover('sftp', [], version), mover('sftp-gcm', fast, `${version}; ${fast.join(' ')}`)];
}

function rclone(): Mover[] {
  const file = findOnPath('rclone');
  if (file === undefined) return [];
  const version = run({ file, args: ['version'] }).split('\n')[0] ?? '';
  const mover = (name: string, flagsOf: (site: Site) => string[], said: string): Mover => ({
    name,
    version: said,
    transfers: MOVES,
    command({ transfer, site, place, name: folder }) {
      const there = site.remote(folder);
      const what =
        transfer === 'files'
          ? ['copy', place, there]
          : transfer.endsWith('put')
            ? ['copyto', place, `${there}/${FILE}`]
            : ['copyto', `${there}/${FILE}`, place];
      return { file, args: ['--config', '', ...what, ...flagsOf(site)], environment: site.environment };
    },
  });
  const best = (site: Site): string[] =>
    site.kind === 'sftp' ? RCLONE_BEST.sftp : [...RCLONE_BEST.bucket, ...RCLONE_BEST[site.kind]];
  const flags = `SFTP: ${RCLONE_BEST.sftp.join(' ')}; buckets: ${[RCLONE_BEST.bucket, RCLONE_BEST.s3, RCLONE_BEST.gcs].flat().join(' ')}`;
  return [mover('rclone', () => [], version), mover('rclone-best', best, `${version}; ${flags}`)];
}

function restic(program: Program): Mover {
  return {
    name: program.name,
    version: program.version,
    transfers: ['backup'],
    command(work) {
      const { site, name } = work;
      const ssh = ['ssh', ...site.ssh, site.login, '-s', 'sftp'].join(' ');
      return backup(program, work, `sftp:${site.login}:${site.folderOf(name)}`, ['-o', `sftp.command=${ssh}`]);
    },
  };
}

function backup({ kind, start }: Program, { site, place, empty, home }: Work, repository: string, options: string[]) {
  const { passwordFile } = empty;
  const command = KINDS[kind].backup(start, { repository, home, passwordFile, password: PASSWORD }, place, 1);
  return {
    ...command,
    args: [...command.args, ...options],
    environment: { ...site.environment, ...command.environment },
  };
}
