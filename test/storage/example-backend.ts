/** A whole backend, as CONTRIBUTING shows it: objects in a SQLite database. */
import { randomUUID } from 'node:crypto';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { Readable } from 'node:stream';
import { HoldfastError, NotFoundError, StorageError, throwIfAborted } from '../../common/errors.ts';
import { checkObjectName } from '../../storage/object-name.ts';
import type { CallOptions, Storage } from '../../storage/storage.ts';

const TABLES = `pragma journal_mode = wal; pragma synchronous = full;
  create table if not exists objects (name text primary key, sizeBytes integer, modified integer, upload text);
  create table if not exists pieces (upload text, start integer, bytes blob, primary key (upload, start));
  create trigger if not exists dropped after delete on objects begin delete from pieces where upload = old.upload; end`;
type Row = { name: string; sizeBytes: number; modified: number; upload: string };
type Piece = { start: number; bytes: Uint8Array<ArrayBuffer> };

export function openSqliteStorage(file: string): Storage {
  const database = new DatabaseSync(file, { timeout: 10_000 });
  database.exec(TABLES);
  const run = (sql: string, ...values: SQLInputValue[]) => database.prepare(sql).run(...values);
  const entryOf = ({ name, sizeBytes, modified }: Row) => ({ name, sizeBytes, modifiedAt: new Date(modified) });
  const find = (name: string, { signal }: CallOptions = {}): Row | undefined => {
    checkObjectName(name);
    throwIfAborted(signal);
    return database.prepare('select * from objects where name = ?').get(name) as Row | undefined;
  };
  const get = (name: string, call?: CallOptions): Row => {
    const row = find(name, call);
    if (row === undefined) throw new NotFoundError(`${name} does not exist in ${file}`);
    return row;
  };
  function* piecesOf({ name, upload, sizeBytes }: Row, from = 0, to = Infinity, { signal }: CallOptions = {}) {
    const find = database.prepare('select * from pieces where upload = ? and start <= ? order by start desc limit 1');
    for (let at = from; at < Math.min(to, sizeBytes);) {
      throwIfAborted(signal);
      const piece = find.get(upload, at) as Piece | undefined;
      if (piece === undefined) throw new StorageError(`${name} was replaced while it was read`);
      yield Buffer.from(piece.bytes.buffer).subarray(at - piece.start, to - piece.start);
      at = piece.start + piece.bytes.length;
    }
  }
  return {
    description: `sqlite:${file}`,
    capabilities: { atomicWrites: true },
    async *list(prefix, { signal } = {}) {
      const next = database.prepare('select * from objects where name >= ? and name > ? order by name limit 1');
      for (let row: Row | undefined, last = ''; ; last = row.name) {
        throwIfAborted(signal);
        row = next.get(prefix, last) as Row | undefined;
        if (row?.name.startsWith(prefix) !== true) return;
        yield entryOf(row);
      }
    },
    read: async (name, range, call) =>
      Buffer.concat([...piecesOf(get(name, call), range?.offset, range && range.offset + range.length, call)]),
    openRead: async (name, call) =>
      Readable.from(piecesOf(get(name, call), 0, Infinity, call), { objectMode: false, highWaterMark: 1 }),
    async write(name, content, { existing = 'replace', ...call } = {}) {
      find(name, call); // for its errors: a name that leads elsewhere, a call that was aborted
      const upload = randomUUID();
      const insert = database.prepare('insert into pieces values (?, ?, ?)');
      let sizeBytes = 0;
      try {
        for await (const bytes of content instanceof Uint8Array ? [content] : content) {
          throwIfAborted(call.signal);
          if (bytes.length > 0) insert.run(upload, sizeBytes, bytes);
          sizeBytes += bytes.length;
        }
        database.exec('begin immediate'); // all or nothing from here on, and on the disk when it is committed
        if (existing === 'refuse' && find(name)) throw new HoldfastError('AlreadyExists', `${name} exists`);
        run('delete from objects where name = ?', name);
        run('insert into objects values (?, ?, ?, ?)', name, sizeBytes, Date.now(), upload);
        database.exec('commit');
      } catch (error) {
        if (database.isTransaction) database.exec('rollback');
        run('delete from pieces where upload = ?', upload);
        throw error instanceof HoldfastError ? error : new StorageError(`could not write ${name}`, { cause: error });
      }
    },
    remove: async (name, call) => void run('delete from objects where name = ?', get(name, call).name),
    async stat(name, call) {
      const row = find(name, call);
      return row && entryOf(row);
    },
    close: async () => database.close(),
  };
}
