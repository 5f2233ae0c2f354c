/** `holdfast version`: which holdfast this is, and what it runs on. */
import { arch, platform, release } from 'node:os';
import { holdfastVersion } from '../repository/program-version.ts';
import type { CliCommand } from './command.ts';
import { ExitStatus } from './exit-status.ts';

export const command: CliCommand = {
  configure(command) {
    command.description('Prints the version of holdfast, of Node and of the platform.');
  },

  async run({ output, json }) {
    const version = {
      holdfast: holdfastVersion() ?? 'unknown',
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
