/** Where the profile says that time goes. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { profilingOptions, readCpuProfiles, readStacks } from '../../bench/cpu-profile.ts';
import { describeFunction, groupOf } from '../../bench/profile-groups.ts';
import { summarizeProfiles } from '../../bench/profile-report.ts';

const CHECKOUT = path.join(import.meta.dirname, '..', '..');
const own = (file: string): string => pathToFileURL(path.join(CHECKOUT, file)).href;
const HASH = { functionName: 'hash', url: 'node:internal/crypto/hash' };
const NATIVE_OPEN = { functionName: 'open', url: '' };
const OPEN_SYNC = { functionName: 'openSync', url: 'node:fs' };
const PACK = { functionName: 'append', url: own('repository/pack.ts') };
const ROOT = { functionName: '(root)', url: '' };

describe('readStacks', () => {
  it('gives each sample to the whole stack, the running function first', () => {
    const recorded = {
      nodes: [
        { id: 1, callFrame: ROOT, children: [2] },
        { id: 2, callFrame: PACK, children: [3] },
        { id: 3, callFrame: HASH },
      ],
      samples: [3, 2, 3],
      timeDeltas: [1000, 500, 2000],
    };
    expect(readStacks(recorded)).toEqual([
      { stack: [HASH, PACK, ROOT], seconds: 0.003 },
      { stack: [PACK, ROOT], seconds: 0.0005 },
    ]);
  });
});

describe('groupOf', () => {
  it('goes by the first frame that is known: a kernel, or a file of ours', () => {
    const buffer = { functionName: 'subarray', url: 'node:buffer' };
    expect(groupOf([HASH, PACK, ROOT])).toBe('sha256');
    expect(groupOf([NATIVE_OPEN, OPEN_SYNC, PACK, ROOT])).toBe('file system');
    expect(groupOf([buffer, PACK, OPEN_SYNC, ROOT])).toBe('repository/pack.ts');
    expect(groupOf([buffer, ROOT])).toBe('other');
    expect(groupOf([{ functionName: '(idle)', url: '' }, ROOT])).toBe('idle');
  });

  it('counts as loading what a module loader does, not the statements of a module', () => {
    const loader = { functionName: 'load', url: 'node:internal/modules/esm/load' };
    expect(groupOf([OPEN_SYNC, loader, PACK, ROOT])).toBe('loading code');
    expect(groupOf([HASH, PACK, loader, ROOT])).toBe('sha256');
  });
});

describe('describeFunction', () => {
  it('names no folder of the machine, and of native code who called it', () => {
    expect(describeFunction([PACK, ROOT])).toBe('append repository/pack.ts');
    expect(describeFunction([NATIVE_OPEN, OPEN_SYNC, PACK, ROOT])).toBe('open (native, by append repository/pack.ts)');
  });
});

describe('summarizeProfiles', () => {
  it('names functions without a name of their own by their file, and no entries of V8', () => {
    const anonymous = { functionName: '', url: own('repository/native-zstd.ts') };
    const idle = { functionName: '(idle)', url: '' };
    const stacks = [
      { stack: [anonymous, ROOT], seconds: 3 },
      { stack: [PACK, ROOT], seconds: 1 },
      { stack: [idle, ROOT], seconds: 9 },
    ];
    const measurement = { program: 'holdfast', operation: 'backup' as const, wallSeconds: 1 };
    const profile = summarizeProfiles('big', measurement, [{ thread: 1, stacks }], 5);
    expect(profile.functions.map(({ name, workerSeconds, share }) => [name, workerSeconds, share])).toEqual([
      ['(anonymous) repository/native-zstd.ts', 3, 0.75],
      ['append repository/pack.ts', 1, 0.25],
    ]);
    expect(profile.kernelShare).toBe(0.75);
    expect(profile.groups.at(-1)).toEqual({ name: 'idle', mainSeconds: 0, workerSeconds: 9, share: 0 });
  });
});

describe('the profile of a real process', () => {
  it('has the kernels that it called, in the thread that called them', () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-profile-test-'));
    try {
      const script = path.join(folder, 'kernels.mjs');
      writeFileSync(script, KERNELS_IN_A_WORKER);
      const { status, stderr } = spawnSync(process.execPath, [...profilingOptions(folder), script], {
        encoding: 'utf8',
        env: { ...process.env, NODE_OPTIONS: '' },
      });
      expect({ status, stderr }).toMatchObject({ status: 0 });
      const measurement = { program: 'holdfast', operation: 'backup' as const, wallSeconds: 1 };
      const profile = summarizeProfiles('big', measurement, readCpuProfiles(folder), 5);
      const worked = profile.groups.filter((group) => group.workerSeconds > 0).map((group) => group.name);
      expect(profile.workers).toBe(1);
      expect(worked).toEqual(expect.arrayContaining(['sha256', 'zstd', 'cipher', 'poly1305']));
      expect(profile.groups.find((group) => group.name === 'poly1305')?.mainSeconds).toBe(0);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

/** Each kernel on enough bytes for many samples. */
const KERNELS_IN_A_WORKER = `
import { createCipheriv, createSecretKey, hash } from 'node:crypto';
import { zstdCompressSync } from 'node:zlib';
import { Worker, isMainThread } from 'node:worker_threads';
import { createRequire } from 'node:module';
if (isMainThread) new Worker(new URL(import.meta.url));
else {
  const sodium = createRequire(${JSON.stringify(path.join(CHECKOUT, 'package.json'))})('sodium-native');
  const bytes = Buffer.alloc(4 << 20, 'kernels of a backup');
  const cipher = createCipheriv('aes-256-ctr', createSecretKey(Buffer.alloc(32)), Buffer.alloc(16));
  for (let round = 0; round < 10; round++) {
    hash('sha256', bytes, 'buffer');
    zstdCompressSync(bytes);
    cipher.update(bytes);
    sodium.crypto_onetimeauth(Buffer.alloc(16), bytes, Buffer.alloc(32));
  }
}
`;
