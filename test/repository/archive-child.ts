/** A process of its own that backs up: for tests that kill it, or run it without root's rights. First argument: milliseconds between two writings of the index, or `-`. */
import { archive } from '../../repository/archive.ts';
import { openRepository } from '../../repository/open-repository.ts';
import { openLocalStorage } from '../../storage/local.ts';

const [interval = '-', vault = '', password = '', ...directories] = process.argv.slice(2);
const repository = await openRepository(openLocalStorage(vault), password);
const lock = await repository.lock('shared');
try {
  const { figures, unreadable, snapshotId } = await archive(repository, {
    source: { directories, exclude: [], excludeIfPresent: [], excludeCaches: false, oneFileSystem: false },
    hostname: 'app-01',
    tags: [],
    time: new Date(),
    ...(interval === '-' ? {} : { indexIntervalMilliseconds: Number(interval) }),
  });
  process.stdout.write(JSON.stringify({ figures, unreadable, snapshotId }));
} catch (error) {
  const { code, message } = error as { code?: string; message: string };
  process.stdout.write(JSON.stringify({ error: { code, message } }));
} finally {
  await lock.release();
  await repository.close();
}
