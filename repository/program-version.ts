/** The name and version that snapshots carry of the program that made them. */
import { readFileSync } from 'node:fs';

/** `holdfast 0.1.0`, from the package.json that lies above this module in a checkout and in an installed package alike. */
export function programVersion(): string {
  for (let folder = new URL('.', import.meta.url); folder.pathname !== '/'; folder = new URL('..', folder)) {
    const manifest = readManifest(new URL('package.json', folder));
    if (manifest?.name === 'holdfast' && manifest.version !== undefined) return `holdfast ${manifest.version}`;
  }
  return 'holdfast';
}

function readManifest(file: URL): { name?: string; version?: string } | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as { name?: string; version?: string };
  } catch {
    return undefined;
  }
}
