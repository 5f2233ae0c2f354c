/** A whole backend, as CONTRIBUTING shows it: objects in a SQLite database, their content in pieces. */
import { randomUUID } from 'node:crypto';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { Readable } from 'node:stream';
import { HoldfastError, NotFoundError, StorageError, throwIfAborted } from '../../common/errors.ts';
import { checkObjectName } from '../../storage/object-name.ts';
import type { CallOptions, Storage } from '../../storage/storage.ts';

const TABLES = `pragma journal_mode = wal; pragma synchronous = full; pragma recursive_triggers = on;
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
  const rows = (name: string, { signal }: CallOptions = {}): Row[] => {
    checkObjectName(name);
    throwIfAborted(signal);
    return database.prepare('select * from objects where name = ?').all(name) as Row[];
  };
  const get = (name: string, call?: CallOptions): Row => {
    for (const row of rows(name, call)) return row;
    throw new NotFoundError(`${name} does not exist in ${file}`);
  };
  function* piecesOf(row: Row, from = 0, to = Infinity, call: CallOptions = {}) {
    const find = database.prepare('select * from pieces where upload = ? and start <= ? order by start desc limit 1');
    for (
      let at = from, piece: Piece | undefined;
      at < Math.min(to, row.sizeBytes);
      at = piece.start + piece.bytes.length
    ) {
      throwIfAborted(call.signal);
      piece = find.get(row.upload, at) as Piece | undefined;
      if (piece === undefined) throw new StorageError(`${row.name} was replaced while it was read`);
      yield Buffer.from(piece.bytes.buffer).subarray(at - piece.start, to - piece.start);
    }
  }
  return {
    description: `sqlite:${file}`,
    capabilities: { atomicWrites: true },
    async *list(prefix, { signal } = {}) {
      const next = database.prepare('select * from objects where name > ? and substr(name, 1, ?) = ? order by name');
      for (let row: Row | undefined; (row = next.get(row?.name ?? '', prefix.length, prefix) as Row | undefined);) {
        throwIfAborted(signal);
        yield entryOf(row);
      }
    },
    read: async (name, at, call) =>
      Buffer.concat([...piecesOf(get(name, call), at?.offset, at && at.offset + at.length, call)]),
    openRead: async (name, call) => Readable.from(piecesOf(get(name, call), 0, Infinity, call), { objectMode: false }),
    async write(name, content, { existing = 'replace', ...call } = {}) {
      rows(name, call); // for its errors: a name that leads elsewhere, a call that was aborted
      const [upload, insert] = [randomUUID(), database.prepare('insert into pieces values (?, ?, ?)')];
      let sizeBytes = 0;
      try {
        for await (const bytes of content instanceof Uint8Array ? [content] : content) {
          throwIfAborted(call.signal);
          if (bytes.length > 0) insert.run(upload, sizeBytes, bytes);
          sizeBytes += bytes.length;
        }
        const how = existing === 'refuse' ? 'insert or ignore' : 'insert or replace'; // in one step, and durably
        const { changes } = run(`${how} into objects values (?, ?, ?, ?)`, name, sizeBytes, Date.now(), upload);
        if (changes === 0) throw new HoldfastError('AlreadyExists', `${name} exists in ${file}`);
      } catch (error) {
        run('delete from pieces where upload = ?', upload);
        throw error instanceof HoldfastError ? error : new StorageError(`could not write ${name}`, { cause: error });
      }
    },
    remove: async (name, call) => void run('delete from objects where name = ?', get(name, call).name),
    stat: async (name, call) => rows(name, call).map(entryOf)[0],
    close: async () => database.close(),
  };
}
