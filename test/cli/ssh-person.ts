/** A home folder of somebody who knows the tests' SSH server and may log in there. */
import { chmod, copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SshAccount, SshServer } from '../servers/sshd.ts';

/** Below the server's own folder, with the key of an account. `port`: where it is reached, when that is a proxy's. */
export async function personOf(server: SshServer, port = server.port, account: SshAccount = 'admin'): Promise<string> {
  const home = join(server.folder, `home-${account}-${port}`);
  const file = (name: string): string => join(home, '.ssh', name);
  await mkdir(join(home, '.ssh'), { recursive: true, mode: 0o700 });
  const known = await readFile(server.knownHosts, 'utf8');
  await writeFile(file('known_hosts'), known.replaceAll(`]:${server.port} `, `]:${port} `));
  await copyFile(server.keyFile(account), file('id_ed25519'));
  await chmod(file('id_ed25519'), 0o600);
  return home;
}
