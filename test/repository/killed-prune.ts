/** A process that prunes a vault and is killed after a number of changes to its storage: `killed-prune.ts VAULT CHANGES`. */
import { executePrune } from '../../repository/execute-prune.ts';
import { preparePrune } from '../../repository/prune-repository.ts';
import { openRepository } from '../../repository/open-repository.ts';
import { openLocalStorage } from '../../storage/local.ts';
import { PASSWORD } from './repository-fixture.ts';

const [vault = '', changes = ''] = process.argv.slice(2);
let left = Number(changes);

const storage = openLocalStorage(vault);
const { write, remove } = storage;
storage.write = async (...args) => {
  await write(...args);
  countDown();
};
storage.remove = async (...args) => {
  await remove(...args);
  countDown();
};

const repository = await openRepository(storage, PASSWORD, { packSizeBytes: 4000 });
const lock = await repository.lock('exclusive');
const prepared = await preparePrune(repository, { maxUnused: { share: 0 } });
await executePrune(repository, prepared, { packSizeBytes: 4000 });
await lock.release();

function countDown(): void {
  if (--left <= 0) process.kill(process.pid, 'SIGKILL');
}
