/** A process that restores a vault's newest snapshot and is killed when so many entries are told: `killed-restore.ts VAULT TARGET ENTRIES`. */
import { openRepository } from '../../repository/open-repository.ts';
import { restore } from '../../repository/restore.ts';
import { openLocalStorage } from '../../storage/local.ts';
import { PASSWORD } from './repository-fixture.ts';

const [vault = '', target = '', entries = ''] = process.argv.slice(2);
let left = Number(entries);

const repository = await openRepository(openLocalStorage(vault), PASSWORD);
const [snapshot] = (await repository.listSnapshots()).toReversed();
await restore(repository, {
  snapshot: snapshot!,
  target,
  onEntry: ({ isFolder }) => {
    if (!isFolder && --left <= 0) process.kill(process.pid, 'SIGKILL');
  },
});
