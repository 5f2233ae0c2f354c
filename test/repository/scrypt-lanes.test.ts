/** scrypt of our own beside the one of OpenSSL, and that nothing depends on it. */
import { execFile } from 'node:child_process';
import { pbkdf2Sync, randomBytes, scrypt, scryptSync } from 'node:crypto';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createKeyFile, searchKey, type DeriveFast } from '../../repository/key-file.ts';
import { MAX_LANES_AT_ONCE, mixLanes, RomixModules } from '../../repository/romix.ts';
import { planThreads, scryptByLanes } from '../../repository/scrypt-lanes.ts';
import { FAST_KDF } from './repository-fixture.ts';

/** As restic chooses it on a processor of today. */
const USUAL = { N: 32_768, r: 8, p: 7 };

/** scrypt with our ROMix, in this thread. */
function scryptHere(
  password: string | Uint8Array,
  salt: string | Uint8Array,
  { N, r, p, atOnce, size = 64 }: { N: number; r: number; p: number; atOnce: number; size?: number },
): string {
  const blocks = pbkdf2Sync(password, salt, 1, p * 128 * r, 'sha256');
  const lanes = Array.from({ length: p }, (_, lane) => blocks.subarray(lane * 128 * r, (lane + 1) * 128 * r));
  mixLanes(lanes, { N, r, atOnce, modules: new RomixModules().forLanes(lanes.length, atOnce) });
  return pbkdf2Sync(password, blocks, 1, size, 'sha256').toString('hex');
}

/** A process in which `derive()` is `scryptByLanes` with the usual parameters. */
function runAlone(code: string, flags: readonly string[] = []): Promise<{ stdout: string; stderr: string }> {
  const module = new URL('../../repository/scrypt-lanes.ts', import.meta.url).href;
  const derive = `async () => (await import('${module}')).scryptByLanes('password', Buffer.from('salt'), ${JSON.stringify(USUAL)})`;
  return promisify(execFile)(process.execPath, [...flags, '--eval', `const derive = ${derive}; ${code}`]);
}

describe('ROMix', () => {
  it('gives the keys of RFC 7914, section 12', () => {
    const cases = [
      ['', '', 16, 1, 1, '77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442'],
      ['password', 'NaCl', 1024, 8, 16, 'fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162'],
      [
        'pleaseletmein',
        'SodiumChloride',
        16_384,
        8,
        1,
        '7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2',
      ],
    ] as const;
    for (const [password, salt, N, r, p, key] of cases) {
      for (let atOnce = 1; atOnce <= MAX_LANES_AT_ONCE; atOnce++) {
        expect(scryptHere(password, salt, { N, r, p, atOnce, size: 32 })).toBe(key);
      }
    }
  });

  it('gives the keys of OpenSSL for all parameters', () => {
    const bytes = fc.uint8Array({ maxLength: 80 });
    const parameters = fc.record({
      N: fc.integer({ min: 1, max: 12 }).map((power) => 2 ** power),
      r: fc.integer({ min: 1, max: 16 }),
      p: fc.integer({ min: 1, max: 8 }),
      atOnce: fc.integer({ min: 1, max: MAX_LANES_AT_ONCE }),
    });
    fc.assert(
      fc.property(bytes, bytes, parameters, (password, salt, { N, r, p, atOnce }) => {
        const expected = scryptSync(password, salt, 64, { N, r, p, maxmem: 2 ** 30 }).toString('hex');
        expect(scryptHere(password, salt, { N, r, p, atOnce })).toBe(expected);
      }),
      { numRuns: 100, seed: 7914 },
    );
  });
});

describe('scrypt in threads', () => {
  it('is that of OpenSSL', async () => {
    const salt = randomBytes(64);
    const expected = await new Promise<Buffer>((resolve, reject) =>
      scrypt('pässword', salt, 64, { ...USUAL, maxmem: 2 ** 30 }, (error, key) =>
        error ? reject(error) : resolve(key),
      ),
    );
    expect(await scryptByLanes('pässword', salt, USUAL)).toEqual(expected);
    for (const processors of [1, 2, 3])
      expect(await scryptByLanes('pässword', salt, USUAL, processors)).toEqual(expected);
  });

  it('leaves to OpenSSL what is soon done, too large, or no scrypt', async () => {
    const left = [
      FAST_KDF,
      { ...USUAL, p: 1 },
      { ...USUAL, N: 2 ** 20 },
      { ...USUAL, N: 32_767 },
      { N: 1, r: 8, p: 2 ** 19 },
    ];
    for (const parameters of left) expect(await scryptByLanes('password', randomBytes(64), parameters)).toBeUndefined();
  });

  it('leaves to OpenSSL what its threads have no memory for', async () => {
    const code = `derive().then((key) => console.log(key?.length ?? 'none'));`;
    expect(await runAlone(code)).toEqual({ stdout: '64\n', stderr: '' });
    expect(await runAlone(code, ['--wasm-max-mem-pages=100'])).toEqual({ stdout: 'none\n', stderr: '' });
  });

  it('gives its memory back when the key is there', async () => {
    // Six times 64 MiB; a thread needs a moment to end, and what stays then stays for good.
    const code = `(async () => {
      const mebibytes = () => process.memoryUsage.rss() / 2 ** 20;
      const most = mebibytes() + 150;
      for (let round = 0; round < 6; round++) await derive();
      for (let moment = 0; moment < 400 && mebibytes() > most; moment++) await new Promise((resolve) => setTimeout(resolve, 25));
      console.log(mebibytes() <= most ? 'given back' : mebibytes());
    })();`;
    expect(await runAlone(code)).toEqual({ stdout: 'given back\n', stderr: '' });
  });

  it('stays within its memory on any number of processors', () => {
    for (let processors = 1; processors <= 64; processors++) {
      for (const r of [4, 8, 16, 32]) {
        const { threads, atOnce } = planThreads({ ...USUAL, r }, processors)!;
        expect(threads).toBeLessThanOrEqual(Math.min(processors, USUAL.p));
        expect(atOnce).toBeGreaterThanOrEqual(1);
        expect((threads * atOnce * USUAL.N * r * 128) / 2).toBeLessThanOrEqual(128 * 1024 * 1024);
      }
    }
    expect(planThreads({ ...USUAL, r: 64 }, 2)).toBeUndefined();
    expect(planThreads(USUAL, 2)).toEqual({ threads: 2, atOnce: 3 });
    expect(planThreads(USUAL, 1)).toEqual({ threads: 1, atOnce: 3 });
  });
});

describe('a key whose password our own scrypt does not know', () => {
  const masterKey = { encrypt: randomBytes(32), macK: randomBytes(16), macR: randomBytes(16) };
  const wrong: DeriveFast = async () => randomBytes(64);

  async function search(
    password: string,
    derive: DeriveFast,
    passwords: readonly string[],
    kdf = FAST_KDF,
  ): Promise<string | undefined> {
    const options = { kdf, username: 'u', hostname: 'h', now: new Date() };
    const files = await Promise.all(passwords.map((known) => createKeyFile(masterKey, known, options)));
    const read = async (wanted: string): Promise<Buffer> => files.find(({ id }) => id === wanted)!.content;
    const ids = files.map(({ id }) => id);
    const { id, key } = await searchKey(ids, read, password, { where: 'here', derive });
    expect(key).toEqual(masterKey);
    return passwords[ids.indexOf(id)];
  }

  it('is opened by that of OpenSSL', async () => {
    expect(await search('second', wrong, ['first', 'second'])).toBe('second');
  });

  it('is tried again after all others', async () => {
    const tried: string[] = [];
    const derive: DeriveFast = async (password, salt, { N, r, p }) => {
      tried.push(password);
      // Right for the second key alone.
      return tried.length === 2 ? scryptSync(password, salt, 64, { N, r, p }) : randomBytes(64);
    };
    expect(await search('second', derive, ['first', 'second', 'third'])).toBe('second');
    expect(tried).toHaveLength(2);
  });

  it('is not opened by a wrong password', async () => {
    await expect(search('none', wrong, ['first', 'second'])).rejects.toMatchObject({ code: 'WrongPassword' });
    const kdf = { ...USUAL, p: 2 };
    expect(planThreads(kdf, 2)).toBeDefined();
    await expect(search('none', scryptByLanes, ['first'], kdf)).rejects.toMatchObject({ code: 'WrongPassword' });
    expect(await search('first', scryptByLanes, ['first'], kdf)).toBe('first');
  });
});
