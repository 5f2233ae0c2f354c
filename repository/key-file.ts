/** Key files: the master key, encrypted under a password with scrypt (restic's doc/design.rst, "Keys, Encryption and MAC"). */
import { randomBytes, scrypt } from 'node:crypto';
import { HoldfastError, IntegrityError, throwIfAborted } from '../common/errors.ts';
import { open, prepareKey, seal, sha256Hex } from './crypto.ts';
import { goJson } from './go-json.ts';
import { formatGoTime } from './go-time.ts';
import { isJsonObject, parseJsonObject, textOf } from './json-object.ts';
import type { MasterKey } from './repository.ts';
import { scryptByLanes } from './scrypt-lanes.ts';

/** scrypt's cost: N iterations of memory, block size r, p repetitions. */
export interface ScryptParameters {
  N: number;
  r: number;
  p: number;
}

export interface KeyFile extends ScryptParameters {
  /** RFC 3339. */
  created: string;
  username: string;
  hostname: string;
  kdf: string;
  /** Base64. */
  salt: string;
  /** Base64 of the encrypted master key document. */
  data: string;
}

const SALT_BYTES = 64;
const TARGET_MILLISECONDS = 500;
const NEW_KEY: Readonly<ScryptParameters> = { N: 32_768, r: 8, p: 1 };
const MAX_REPETITIONS = 16;

/** A key file that asks for more was not made by a sane writer; obeying it would exhaust the machine. */
const MAX_SCRYPT_BYTES = 1024 * 1024 * 1024;

/** scrypt with N = 32,768 and r = 8, repeated until a guess takes about half a second on this machine. */
export async function calibrateScrypt(): Promise<ScryptParameters> {
  const start = performance.now();
  await deriveKey('calibration', randomBytes(SALT_BYTES), NEW_KEY);
  const repetitions = Math.floor(TARGET_MILLISECONDS / (performance.now() - start));
  return { ...NEW_KEY, p: Math.min(Math.max(repetitions, 1), MAX_REPETITIONS) };
}

/** The stored form of a new key file, and its id. */
export async function createKeyFile(
  key: MasterKey,
  password: string,
  options: { kdf: ScryptParameters; username: string; hostname: string; now: Date },
): Promise<{ id: string; content: Buffer }> {
  const salt = randomBytes(SALT_BYTES);
  const passwordKey = await deriveKey(password, salt, options.kdf);
  const plain = JSON.stringify({
    mac: { k: key.macK.toString('base64'), r: key.macR.toString('base64') },
    encrypt: key.encrypt.toString('base64'),
  });
  const document: KeyFile = {
    created: formatGoTime(BigInt(options.now.getTime()) * 1_000_000n),
    username: options.username,
    hostname: options.hostname,
    kdf: 'scrypt',
    N: options.kdf.N,
    r: options.kdf.r,
    p: options.kdf.p,
    salt: salt.toString('base64'),
    data: seal(prepareKey(passwordKey), Buffer.from(plain)).toString('base64'),
  };
  const content = Buffer.from(goJson(document));
  return { id: sha256Hex(content), content };
}

/** Throws IntegrityError when the document is no key file that this program can open. */
export function parseKeyFile(content: Buffer, id: string): KeyFile {
  const { kdf, N, r, p, salt, data, ...said } = parseJsonObject(content, `key file ${id}`);
  if (
    kdf !== 'scrypt' ||
    !isCount(N) ||
    !isCount(r) ||
    !isCount(p) ||
    typeof salt !== 'string' ||
    typeof data !== 'string'
  ) {
    throw new IntegrityError(`key file ${id} lacks scrypt's parameters or the key`);
  }
  if (128 * N * r > MAX_SCRYPT_BYTES || 128 * r * p > MAX_SCRYPT_BYTES) {
    throw new IntegrityError(`key file ${id} asks for more than 1 GiB of memory (N=${N}, r=${r}, p=${p})`);
  }
  const [created, username, hostname] = [said['created'], said['username'], said['hostname']].map(textOf);
  return { created: created!, username: username!, hostname: hostname!, kdf, N, r, p, salt, data };
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0;
}

/** undefined: the password is not this key's. */
export async function openKeyFile(file: KeyFile, password: string, id: string): Promise<MasterKey | undefined> {
  return unsealMasterKey(file, await deriveKey(password, decodeSalt(file), file), id);
}

interface FastAttempt {
  password: string;
  id: string;
  derive: DeriveFast;
  processors: number | undefined;
}

/** As `openKeyFile`, in a fraction of its time; `isCertain` is false when only that may say that the password is not this key's. */
async function openKeyFileFast(
  file: KeyFile,
  { password, id, derive, processors }: FastAttempt,
): Promise<{ key: MasterKey | undefined; isCertain: boolean }> {
  const derived = await derive(password, decodeSalt(file), file, processors);
  if (derived === undefined) return { key: await openKeyFile(file, password, id), isCertain: true };
  const key = unsealMasterKey(file, splitKey(derived), id);
  return { key, isCertain: key !== undefined };
}

function decodeSalt(file: KeyFile): Buffer {
  return Buffer.from(file.salt, 'base64');
}

function unsealMasterKey(file: KeyFile, passwordKey: MasterKey, id: string): MasterKey | undefined {
  let plain: Buffer;
  try {
    plain = open(prepareKey(passwordKey), Buffer.from(file.data, 'base64'), `key file ${id}`);
  } catch (error) {
    if (error instanceof IntegrityError) return undefined;
    throw error;
  }
  return parseMasterKey(plain, id);
}

/** 64 bytes of scrypt; undefined where it does not do it. */
export type DeriveFast = (
  password: string,
  salt: Buffer,
  parameters: ScryptParameters,
  processors?: number,
) => Promise<Buffer | undefined>;

export interface SearchOptions {
  where: string;
  signal?: AbortSignal | undefined;
  /** Default: `scryptByLanes`. Nothing is refused by its word alone. */
  derive?: DeriveFast;
  /** See `scryptByLanes`. */
  processors?: number | undefined;
}

/**
 * The master key behind the first of the key files that the password opens, tried one after the other (each costs one
 * scrypt). Throws WrongPassword when none opens; a damaged key file is passed over, and named when none opens.
 * Before anything is thrown the keys that our own code did not open are tried with OpenSSL's scrypt.
 */
export async function searchKey(
  ids: AsyncIterable<string> | Iterable<string>,
  read: (id: string) => Promise<Buffer>,
  password: string,
  { where, signal, processors, derive = scryptByLanes }: SearchOptions,
): Promise<{ id: string; key: MasterKey }> {
  let damaged: IntegrityError | undefined;
  const uncertain: { id: string; file: KeyFile }[] = [];
  for await (const id of ids) {
    throwIfAborted(signal);
    try {
      const file = parseKeyFile(await read(id), id);
      const { key, isCertain } = await openKeyFileFast(file, { password, id, derive, processors });
      if (key !== undefined) return { id, key };
      if (!isCertain) uncertain.push({ id, file });
    } catch (error) {
      if (!(error instanceof IntegrityError)) throw error;
      damaged = error;
    }
  }
  for (const { id, file } of uncertain) {
    throwIfAborted(signal);
    const key = await openKeyFile(file, password, id);
    if (key !== undefined) return { id, key };
  }
  if (damaged !== undefined) throw damaged;
  throw new HoldfastError('WrongPassword', `the password opens no key of the repository at ${where}`, {
    hint: 'Check that the password file belongs to this repository.',
  });
}

function parseMasterKey(plain: Buffer, id: string): MasterKey {
  const { mac, encrypt } = parseJsonObject(plain, `the master key in key file ${id}`);
  const { k, r } = isJsonObject(mac) ? mac : {};
  const decode = (value: unknown): Buffer => Buffer.from(textOf(value), 'base64');
  const key = { encrypt: decode(encrypt), macK: decode(k), macR: decode(r) };
  if (key.encrypt.length !== 32 || key.macK.length !== 16 || key.macR.length !== 16) {
    throw new IntegrityError(`key file ${id} holds a master key of the wrong size`);
  }
  return key;
}

/** 64 bytes of scrypt, read as encryption key, k and r; computed in Node's thread pool. */
function deriveKey(password: string, salt: Buffer, parameters: ScryptParameters): Promise<MasterKey> {
  const { N, r, p } = parameters;
  return new Promise((resolve, reject) => {
    const maxmem = 128 * r * (N + p + 2) + 1024 * 1024;
    scrypt(password, salt, 64, { N, r, p, maxmem }, (error, derived) => {
      if (error !== null) return reject(new IntegrityError(`scrypt refuses N=${N}, r=${r}, p=${p}`, { cause: error }));
      resolve(splitKey(derived));
    });
  });
}

function splitKey(derived: Buffer): MasterKey {
  return { encrypt: derived.subarray(0, 32), macK: derived.subarray(32, 48), macR: derived.subarray(48, 64) };
}
