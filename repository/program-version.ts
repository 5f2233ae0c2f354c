/** Which version of holdfast this is, and how snapshots name the program that made them. */
import { readFileSync } from 'node:fs';

/** `holdfast 0.1.0`, as snapshots carry it. */
export function programVersion(): string {
  const version = holdfastVersion();
  return version === undefined ? 'holdfast' : `holdfast ${version}`;
}

/** `0.1.0`, from the package.json that lies above this module in a checkout and in an installed package alike. */
export function holdfastVersion(): string | undefined {
  for (let folder = new URL('.', import.meta.url); folder.pathname !== '/'; folder = new URL('..', folder)) {
    const manifest = readManifest(new URL('package.json', folder));
    if (manifest?.name === 'holdfast' && manifest.version !== undefined) return manifest.version;
  }
  return undefined;
}

function readManifest(file: URL): { name?: string; version?: string } | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as { name?: string; version?: string };
  } catch {
    return undefined;
  }
}
