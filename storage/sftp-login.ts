/** How to log in to an SSH server: the user, and the ways to prove it, from an identity or from the environment's own keys. */
import { readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import ssh2, {
  type AgentAuthMethod,
  type KeyboardInteractiveAuthMethod,
  type PasswordAuthMethod,
  type PublicKeyAuthMethod,
} from 'ssh2';
import { HoldfastError } from '../common/errors.ts';
import type { StorageIdentity, StorageSurroundings } from './storage-location.ts';

type LoginMethod = PublicKeyAuthMethod | AgentAuthMethod | PasswordAuthMethod | KeyboardInteractiveAuthMethod;

/** The keys that OpenSSH's client tries, in its order. */
const OWN_KEYS = ['id_ed25519', 'id_ecdsa', 'id_rsa'];

export interface SftpLogin {
  user: string;
  /** In the order in which they are tried. */
  methods: LoginMethod[];
  /** For messages: what was tried, without anything secret. */
  tried: string[];
}

/**
 * Without any way of the identity's own, the SSH agent and the keys in `~/.ssh` are taken, as ssh does. Throws
 * AccessDenied when a key cannot be used, and when there is no way at all.
 */
export async function sftpLogin(identity: StorageIdentity, surroundings: StorageSurroundings): Promise<SftpLogin> {
  const { environment } = surroundings;
  const user = identity.user ?? environment['USER'] ?? environment['LOGNAME'] ?? userInfo().username;
  const login: SftpLogin = { user, methods: [], tried: [] };
  const isOwn = identity.privateKey === undefined && identity.password === undefined && identity.agent !== true;
  if (identity.privateKey !== undefined) await addKey(login, identity, surroundings);
  if (identity.agent === true || isOwn) addAgent(login, environment['SSH_AUTH_SOCK'], identity.agent === true);
  if (isOwn) await addOwnKeys(login, environment['HOME']);
  if (identity.password !== undefined) addPassword(login, await surroundings.resolveSecret(identity.password));
  if (login.methods.length === 0) {
    throw new HoldfastError('AccessDenied', `there is no key to log in with as ${user}`, {
      hint: 'Start an SSH agent that holds the key, put it into ~/.ssh without a passphrase, or name it in the identities of the Location.',
    });
  }
  return login;
}

async function addKey(login: SftpLogin, identity: StorageIdentity, surroundings: StorageSurroundings): Promise<void> {
  const { privateKey, passphrase } = identity;
  if (privateKey === undefined) return;
  const text = await surroundings.resolveSecret(privateKey);
  const secret = passphrase === undefined ? undefined : await surroundings.resolveSecret(passphrase);
  const problem = keyProblem(text, secret);
  if (problem !== undefined) throw unusableKey(problem, secret !== undefined);
  addMethod(
    login,
    { type: 'publickey', username: login.user, key: text, ...(secret === undefined ? {} : { passphrase: secret }) },
    'its private key',
  );
}

/** undefined when the key can be used. */
function keyProblem(text: string, passphrase: string | undefined): Error | undefined {
  const parsed = ssh2.utils.parseKey(text, passphrase);
  return parsed instanceof Error ? parsed : undefined;
}

function unusableKey(cause: Error, hadPassphrase: boolean): HoldfastError {
  const isEncrypted = /encrypted|passphrase|decrypt|integrity check/i.test(cause.message);
  const why = !isEncrypted
    ? 'is no private key that can be read'
    : hadPassphrase
      ? 'does not open with its passphrase'
      : 'is encrypted, and no passphrase is given';
  // The cause may quote the key.
  return new HoldfastError('AccessDenied', `the private key of the identity ${why}`, {
    hint: isEncrypted
      ? 'Correct passphraseFrom of the identity.'
      : 'Give a private key as ssh-keygen writes it (OpenSSH or PEM), not the .pub file.',
  });
}

function addAgent(login: SftpLogin, socket: string | undefined, isWanted: boolean): void {
  if (socket !== undefined && socket !== '') {
    addMethod(login, { type: 'agent', username: login.user, agent: socket }, 'the SSH agent');
  } else if (isWanted) {
    throw new HoldfastError('AccessDenied', `the SSH agent is to log in as ${login.user}, and there is none`, {
      hint: 'Start one where holdfast runs, add the key with ssh-add, and set SSH_AUTH_SOCK.',
    });
  }
}

/** Keys with a passphrase are left to the agent. */
async function addOwnKeys(login: SftpLogin, home: string | undefined): Promise<void> {
  if (home === undefined) return;
  for (const name of OWN_KEYS) {
    const file = join(home, '.ssh', name);
    const key = await readFile(file, 'utf8').catch(() => undefined);
    if (key === undefined || keyProblem(key, undefined) !== undefined) continue;
    addMethod(login, { type: 'publickey', username: login.user, key }, file);
  }
}

/** Many servers ask for a password in a dialogue. */
function addPassword(login: SftpLogin, password: string): void {
  addMethod(login, { type: 'password', username: login.user, password }, 'its password');
  addMethod(
    login,
    {
      type: 'keyboard-interactive',
      username: login.user,
      prompt: (_name, _instructions, _language, prompts, answer) => answer(prompts.map(() => password)),
    },
    undefined,
  );
}

function addMethod(login: SftpLogin, method: LoginMethod, tried: string | undefined): void {
  login.methods.push(method);
  if (tried !== undefined) login.tried.push(tried);
}
