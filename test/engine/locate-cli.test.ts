import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseCliVersion } from '../../engine/cli-version.ts';
import { checksumOf } from '../../engine/download-cli.ts';
import { cachedCliPath, locateCli, type LocateOptions } from '../../engine/locate-cli.ts';
import { temporaryFolder } from './engine-fixture.ts';

const OURS = 'temporal version 1.5.1 (Server 1.29.1, UI 2.42.1)';
const BUILT = 'temporal version 0.0.0-DEV (Server 1.29.1, UI 2.42.1)';
const OTHER = 'temporal version 1.3.0 (Server 1.27.1, UI 2.36.0)';

/** A program that says this to `--version`. */
async function cli(path: string, version: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `#!/bin/sh\necho '${version}'\n`);
  await chmod(path, 0o755);
  return path;
}

describe('Locating the Temporal CLI', () => {
  const options = (folder: string, changes: Partial<LocateOptions> = {}): LocateOptions => ({
    cacheDirectory: join(folder, 'cache'),
    environment: { PATH: join(folder, 'bin') },
    onProgress: () => {},
    ...changes,
  });

  it('takes the one that was named, whatever its version', async () => {
    await using folder = await temporaryFolder('locate');
    const explicitPath = await cli(join(folder.path, 'my-temporal'), OTHER);
    expect(await locateCli(options(folder.path, { explicitPath }))).toEqual({
      path: explicitPath,
      version: { cli: '1.3.0', server: '1.27.1' },
    });
  });

  it('says that the one that was named does not work, and looks no further', async () => {
    await using folder = await temporaryFolder('locate');
    await cli(join(folder.path, 'bin', 'temporal'), OURS);
    await expect(locateCli(options(folder.path, { explicitPath: join(folder.path, 'nothing') }))).rejects.toMatchObject(
      {
        code: 'EngineUnreachable',
        message: expect.stringContaining('nothing cannot be run (ENOENT)') as string,
      },
    );
  });

  it('prefers the PATH to the cache, and takes a CLI built from source, whose own version is not set', async () => {
    await using folder = await temporaryFolder('locate');
    const onPath = await cli(join(folder.path, 'bin', 'temporal'), BUILT);
    await cli(cachedCliPath(join(folder.path, 'cache')), OURS);
    expect((await locateCli(options(folder.path))).path).toBe(onPath);
  });

  it('passes over one on the PATH whose server is another: its database would not fit', async () => {
    await using folder = await temporaryFolder('locate');
    await cli(join(folder.path, 'bin', 'temporal'), OTHER);
    const cached = await cli(cachedCliPath(join(folder.path, 'cache')), OURS);
    expect((await locateCli(options(folder.path))).path).toBe(cached);
  });

  it('tells everything that it tried, and what to install, when nothing helps', async () => {
    await using folder = await temporaryFolder('locate');
    const other = await cli(join(folder.path, 'bin', 'temporal'), OTHER);
    const said: string[] = [];
    const error: unknown = await locateCli(
      options(folder.path, {
        onProgress: (line) => said.push(line),
        signal: AbortSignal.timeout(60_000),
        download: refuse,
      }),
    ).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: 'EngineUnreachable',
      hint: expect.stringContaining('install Temporal CLI 1.5.1') as string,
    });
    const { message } = error as Error;
    expect(message).toContain(`${other}: has server 1.27.1, needed is 1.29.1`);
    expect(message).toContain('cache: nothing usable at');
    expect(message).toContain('download: there is no network');
    expect(message).toContain('go install: there is no go on the PATH');
    expect(said).toContain('download: there is no network');
  });
});

async function refuse(): Promise<void> {
  throw new Error('there is no network');
}

describe('What the CLI and its archive say', () => {
  it('is read for the versions of CLI and server', () => {
    expect(parseCliVersion(`${OURS}\n`)).toEqual({ cli: '1.5.1', server: '1.29.1' });
    expect(parseCliVersion('tctl version 1.18')).toBeUndefined();
  });

  it('is looked up by the archive’s name', () => {
    const list = `${'a'.repeat(64)}  temporal_cli_1.5.1_darwin_arm64.tar.gz\n${'b'.repeat(64)}  temporal_cli_1.5.1_linux_amd64.tar.gz\n`;
    expect(checksumOf(list, 'temporal_cli_1.5.1_linux_amd64.tar.gz')).toBe('b'.repeat(64));
    expect(checksumOf(list, 'temporal_cli_1.5.1_linux_arm64.tar.gz')).toBeUndefined();
  });
});
