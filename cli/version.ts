/** `holdfast version`: which holdfast this is, and what it runs on. */
import { readFileSync } from 'node:fs';
import { arch, platform, release } from 'node:os';
import type { CliCommand } from './command.ts';
import { ExitStatus } from './exit-status.ts';

export const command: CliCommand = {
  configure(command) {
    command.description('Prints the version of holdfast, of Node and of the platform.');
  },

  async run({ output, json }) {
    const version = {
      holdfast: readVersion(),
      node: process.versions.node,
      platform: `${platform()}-${arch()}`,
      kernel: release(),
    };
    if (json) output.json(version);
    else
      output.line(`holdfast ${version.holdfast} (node ${version.node}, ${version.platform}, kernel ${version.kernel})`);
    return ExitStatus.done;
  },
};

/** The package's version: from the package.json beside `cli/` in a checkout, above `dist/` in an installed package. */
export function readVersion(): string {
  for (const place of ['../package.json', '../../package.json']) {
    try {
      const content = readFileSync(new URL(place, import.meta.url), 'utf8');
      const parsed = JSON.parse(content) as { name?: string; version?: string };
      if (parsed.name === 'holdfast' && parsed.version !== undefined) return parsed.version;
    } catch {
      // Not here: the next place.
    }
  }
  return 'unknown';
}
