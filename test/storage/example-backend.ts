/** A whole backend, as CONTRIBUTING shows it: objects in a SQLite database, their content in pieces. */
import { randomUUID } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import { Readable } from 'node:stream';
import { HoldfastError, NotFoundError, StorageError } from '../../common/errors.ts';
import { guarded } from '../../storage/guarded.ts';
import type { Storage } from '../../storage/storage.ts';

const TABLES = `pragma journal_mode = wal; pragma synchronous = full; pragma recursive_triggers = on;
  create table if not exists objects (name text primary key, sizeBytes integer, modified integer, upload text);
  create table if not exists pieces (upload text, start integer, bytes blob, primary key (upload, start));
  create trigger if not exists dropped after delete on objects begin delete from pieces where upload = old.upload; end`;
type Row = { name: string; sizeBytes: number; modified: number; upload: string };

export function openSqliteStorage(file: string): Storage {
  const database = new DatabaseSync(file, { timeout: 10_000 });
  database.exec(TABLES);
  const sql = (text: string) => database.prepare(text);
  const entryOf = ({ name, sizeBytes, modified }: Row) => ({ name, sizeBytes, modifiedAt: new Date(modified) });
  const rows = (name: string) => sql('select * from objects where name = ?').all(name) as Row[];
  const get = (name: string): Row => {
    for (const row of rows(name)) return row;
    throw new NotFoundError(`${name} does not exist in ${file}`);
  };
  function* piecesOf(row: Row, from = 0, to = row.sizeBytes) {
    const find = sql('select * from pieces where upload = ? and start <= ? order by start desc limit 1');
    for (let at = from; at < Math.min(to, row.sizeBytes);) {
      const piece = find.get(row.upload, at) as { start: number; bytes: Uint8Array<ArrayBuffer> } | undefined;
      if (piece === undefined) throw new StorageError(`${row.name} was replaced while it was read`);
      yield Buffer.from(piece.bytes.buffer).subarray(at - piece.start, to - piece.start);
      at = piece.start + piece.bytes.length;
    }
  }
  return guarded({
    description: `sqlite:${file}`,
    capabilities: { atomicWrites: true },
    async *list(prefix) {
      const found = sql('select * from objects where substr(name, 1, ?) = ? order by name');
      for (const row of found.iterate(prefix.length, prefix)) yield entryOf(row as Row);
    },
    read: async (name, at) => Buffer.concat([...piecesOf(get(name), at?.offset, at && at.offset + at.length)]),
    openRead: async (name) => Readable.from(piecesOf(get(name)), { objectMode: false }),
    async write(name, content, { existing } = {}) {
      const [upload, insert] = [randomUUID(), sql('insert or replace into pieces values (?, ?, ?)')];
      const put = sql(`insert or ${existing === 'refuse' ? 'ignore' : 'replace'} into objects values (?, ?, ?, ?)`);
      let size = 0;
      try {
        for await (const bytes of content instanceof Uint8Array ? [content] : content)
          insert.run(upload, (size += bytes.length) - bytes.length, bytes);
        if (put.run(name, size, Date.now(), upload).changes === 0)
          throw new HoldfastError('AlreadyExists', `${name} exists in ${file}`);
      } finally {
        sql('delete from pieces where upload = ? and upload not in (select upload from objects)').run(upload);
      }
    },
    remove: async (name) => void sql('delete from objects where name = ?').run(get(name).name),
    stat: async (name) => rows(name).map(entryOf)[0],
    close: async () => database.close(),
  });
}
