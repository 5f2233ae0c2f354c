/** rclone itself, on a folder that it keeps in its crypt format: what it writes we must read, and the other way round. */
import { join } from 'node:path';
import { deriveCryptKeys } from '../../files/crypt-content.ts';
import type { NameMode } from '../../files/crypt-names.ts';
import type { CryptSettings } from '../../files/encrypted-tree.ts';
import { runCommand, type CommandResult } from '../run-command.ts';

export interface RcloneSecrets {
  password: string;
  salt?: string;
}

export interface RealRclone {
  /** `crypt:` stands for the folder, decrypted; other places are paths. Throws when rclone fails. */
  run(...args: string[]): Promise<string>;
  /** Does not throw. */
  attempt(...args: string[]): Promise<CommandResult>;
}

/** Where what is encrypted is none of this machine's folders: how rclone gets there. */
export interface RcloneElsewhere {
  cwd: string;
  environment: Record<string, string>;
}

/** @param encrypted The folder that holds what is encrypted, absolute, or how rclone calls it. */
export async function openRclone(
  command: string,
  encrypted: string,
  secrets: RcloneSecrets,
  names: NameMode = 'standard',
  elsewhere: RcloneElsewhere = { cwd: join(encrypted, '..'), environment: {} },
): Promise<RealRclone> {
  const { cwd } = elsewhere;
  const bare = { ...elsewhere.environment, RCLONE_CONFIG: join(cwd, 'no-rclone.conf') };
  const obscure = async (secret: string): Promise<string> =>
    (await runCommand(command, ['obscure', secret], { cwd, environment: bare })).stdout.trim();
  const environment = {
    ...bare,
    RCLONE_CONFIG_CRYPT_TYPE: 'crypt',
    RCLONE_CONFIG_CRYPT_REMOTE: encrypted,
    RCLONE_CONFIG_CRYPT_FILENAME_ENCRYPTION: names === 'plain' ? 'off' : 'standard',
    RCLONE_CONFIG_CRYPT_PASSWORD: await obscure(secrets.password),
    ...(secrets.salt === undefined ? {} : { RCLONE_CONFIG_CRYPT_PASSWORD2: await obscure(secrets.salt) }),
  };
  const attempt = (...args: string[]): Promise<CommandResult> => runCommand(command, args, { cwd, environment });
  return {
    attempt,
    async run(...args) {
      const { status, stdout, stderr } = await attempt(...args);
      if (status !== 0) throw new Error(`rclone ${args[0]} ended with ${status}\n${stdout}\n${stderr}`);
      return stdout;
    },
  };
}

export async function cryptSettings(
  { password, salt }: RcloneSecrets,
  names: NameMode = 'standard',
): Promise<CryptSettings> {
  return { keys: await deriveCryptKeys(password, salt), names };
}
