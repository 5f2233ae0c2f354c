/**
 * An SFTP server that has what the protocol demands and nothing else: no extensions, small pieces, passwords alone. Made
 * with the server of ssh2, as paramiko, the usual such server, would need Python packages that no test here has otherwise.
 */
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  renameSync,
  rmdirSync,
  statSync,
  symlinkSync,
  type Stats,
  unlinkSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import ssh2, { type Attributes, type Connection, type ParsedKey, type SFTPWrapper } from 'ssh2';
import { fingerprintOf } from '../../storage/sftp-host-key.ts';

const { OPEN_MODE, STATUS_CODE } = ssh2.utils.sftp;

export interface PoorServerOptions {
  /** Below it all paths lie. */
  folder: string;
  user: string;
  password: string;
  /** How it asks for the password. */
  asks?: 'password' | 'keyboard-interactive';
  /** Bytes that fit on its disk. */
  diskBytes?: number;
  /** Answers none of the requests any more, though the connection lives. */
  hangs?: () => boolean;
  /** Refuses to rename so, paths as the client gives them. */
  refusesRename?: (from: string, to: string) => boolean;
}

export interface PoorServer {
  port: number;
  /** Fingerprint of its key. */
  hostKey(): string;
  /** Largest read and write that it was asked for. */
  largestPiece(): number;
  stop(): Promise<void>;
}

export async function startPoorSftpServer(options: PoorServerOptions): Promise<PoorServer> {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const hostKey = privateKey.export({ type: 'pkcs1', format: 'pem' });
  const connections = new Set<Connection>();
  let largest = 0;
  const server = new ssh2.Server({ hostKeys: [hostKey] }, (connection) => {
    connections.add(connection);
    // Known to ssh2, unknown to its types.
    const { setNoDelay } = connection as Connection & { setNoDelay(on: boolean): void };
    connection.once('ready', () => setNoDelay.call(connection, true));
    connection.on('close', () => connections.delete(connection));
    connection.on('error', () => {});
    authenticate(connection, options);
    connection.on('session', (accept) =>
      accept().on('sftp', (acceptSftp) =>
        serve(acceptSftp(), options, (bytes) => (largest = Math.max(largest, bytes))),
      ),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    hostKey: () => fingerprintOf((ssh2.utils.parseKey(hostKey) as ParsedKey).getPublicSSH()),
    largestPiece: () => largest,
    async stop() {
      for (const connection of connections) connection.end();
      server.close();
      await once(server, 'close');
    },
  };
}

function authenticate(connection: Connection, { user, password, asks = 'password' }: PoorServerOptions): void {
  connection.on('authentication', (context) => {
    if (context.method !== asks || context.username !== user) {
      context.reject([asks]);
    } else if (context.method === 'password') {
      if (context.password === password) context.accept();
      else context.reject([asks]);
    } else if (context.method === 'keyboard-interactive') {
      context.prompt([{ prompt: 'Password: ', echo: false }], (answers) =>
        answers?.[0] === password ? context.accept() : context.reject([asks]),
      );
    }
  });
}

/** Every request is answered at once and by itself; what fails, fails with one of the codes of the protocol. */
function serve(
  sftp: SFTPWrapper,
  { folder, diskBytes = Infinity, hangs, refusesRename }: PoorServerOptions,
  note: (bytes: number) => void,
): void {
  const files = new Map<number, number>();
  const listings = new Map<number, string[]>();
  let handles = 0;
  let used = 0;
  const at = (path: string): string => join(folder, join('/', path));
  const newHandle = (): Buffer => {
    const handle = Buffer.alloc(4);
    handle.writeUInt32BE(++handles);
    return handle;
  };
  const fileOf = (handle: Buffer): number => files.get(handle.readUInt32BE()) ?? -1;
  const answer = (id: number, work: () => void): void => {
    if (hangs?.() === true) return;
    try {
      work();
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      const missing = code === 'ENOENT' || code === 'ENOTDIR';
      const isNameRefused = code === 'ENAMETOOLONG' ? STATUS_CODE.BAD_MESSAGE : STATUS_CODE.FAILURE;
      sftp.status(id, missing ? STATUS_CODE.NO_SUCH_FILE : isNameRefused);
    }
  };
  const done = (id: number): void => sftp.status(id, STATUS_CODE.OK);

  sftp.on('OPEN', (id, path, flags) =>
    answer(id, () => {
      const isNew = (flags & OPEN_MODE.EXCL) !== 0 ? constants.O_EXCL : 0;
      const writes =
        (flags & OPEN_MODE.WRITE) !== 0 ? constants.O_RDWR | constants.O_CREAT | isNew : constants.O_RDONLY;
      const file = openSync(at(path), writes, 0o600);
      const handle = newHandle();
      files.set(handles, file);
      sftp.handle(id, handle);
    }),
  );
  sftp.on('READ', (id, handle, offset, length) =>
    answer(id, () => {
      note(length);
      // As the protocol allows: less than was asked for.
      const piece = Buffer.alloc(Math.min(length, 20_000));
      const got = readSync(fileOf(handle), piece, 0, piece.length, offset);
      if (got === 0) sftp.status(id, STATUS_CODE.EOF);
      else sftp.data(id, piece.subarray(0, got));
    }),
  );
  sftp.on('WRITE', (id, handle, offset, data) =>
    answer(id, () => {
      note(data.length);
      used += data.length;
      if (used > diskBytes) return sftp.status(id, STATUS_CODE.FAILURE);
      writeSync(fileOf(handle), data, 0, data.length, offset);
      done(id);
    }),
  );
  sftp.on('CLOSE', (id, handle) =>
    answer(id, () => {
      const file = files.get(handle.readUInt32BE());
      if (file !== undefined) closeSync(file);
      files.delete(handle.readUInt32BE());
      done(id);
    }),
  );
  sftp.on('OPENDIR', (id, path) =>
    answer(id, () => {
      const names = readdirSync(at(path));
      const handle = newHandle();
      listings.set(
        handles,
        names.map((name) => join(at(path), name)),
      );
      sftp.handle(id, handle);
    }),
  );
  sftp.on('READDIR', (id, handle) =>
    answer(id, () => {
      // A few at a time.
      const paths = listings.get(handle.readUInt32BE())?.splice(0, 3) ?? [];
      if (paths.length === 0) return sftp.status(id, STATUS_CODE.EOF);
      const entries = paths.map((path) => ({
        filename: path.slice(path.lastIndexOf('/') + 1),
        longname: '',
        attrs: {} as never,
      }));
      sftp.name(id, entries);
    }),
  );
  sftp.on('STAT', (id, path) => answer(id, () => sftp.attrs(id, attributes(statSync(at(path))))));
  sftp.on('LSTAT', (id, path) => answer(id, () => sftp.attrs(id, attributes(lstatSync(at(path))))));
  sftp.on('FSTAT', (id, handle) => answer(id, () => sftp.attrs(id, attributes(fstatSync(fileOf(handle))))));
  const change = (path: string | number, { mode, atime, mtime }: Attributes): void => {
    const reached = typeof path === 'string' ? at(path) : `/proc/self/fd/${path}`;
    if (mode !== undefined) chmodSync(reached, mode & 0o7777);
    if (atime !== undefined && mtime !== undefined) utimesSync(reached, atime, mtime);
  };
  sftp.on('SETSTAT', (id, path, attrs) => answer(id, () => (change(path, attrs), done(id))));
  sftp.on('FSETSTAT', (id, handle, attrs) => answer(id, () => (change(fileOf(handle), attrs), done(id))));
  sftp.on('READLINK', (id, path) =>
    answer(id, () => sftp.name(id, [{ filename: readlinkSync(at(path)), longname: '', attrs: {} as never }])),
  );
  sftp.on('SYMLINK', (id, path, target) => answer(id, () => (symlinkSync(target, at(path)), done(id))));
  sftp.on('RMDIR', (id, path) => answer(id, () => (rmdirSync(at(path)), done(id))));
  sftp.on('REMOVE', (id, path) => answer(id, () => (unlinkSync(at(path)), done(id))));
  sftp.on('MKDIR', (id, path) => answer(id, () => (mkdirSync(at(path)), done(id))));
  sftp.on('RENAME', (id, from, to) =>
    answer(id, () => {
      const isTaken = lstatSync(at(to), { throwIfNoEntry: false }) !== undefined;
      if (isTaken || refusesRename?.(from, to) === true) return sftp.status(id, STATUS_CODE.FAILURE);
      renameSync(at(from), at(to));
      done(id);
    }),
  );
}

function attributes({ mode, uid, gid, size, atimeMs, mtimeMs }: Stats) {
  return { mode, uid, gid, size, atime: atimeMs / 1000, mtime: mtimeMs / 1000 };
}
