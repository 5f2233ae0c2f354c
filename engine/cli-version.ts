/** Which Temporal CLI holdfast's embedded engine is built and tested with, and where it comes from. */

export const TEMPORAL_CLI_VERSION = '1.5.1';

/** The server in it. It decides about the database, which has no migrations: only this version opens ours. */
export const TEMPORAL_SERVER_VERSION = '1.29.1';

export const TEMPORAL_GO_PACKAGE = `github.com/temporalio/cli/cmd/temporal@v${TEMPORAL_CLI_VERSION}`;

/** Without it, a CLI built by `go install` calls itself 0.0.0-DEV. */
export const TEMPORAL_GO_VERSION_FLAG = `-X github.com/temporalio/cli/temporalcli.Version=${TEMPORAL_CLI_VERSION}`;

/** The official archive (tar.gz) of a platform (`linux`, `darwin`) and an architecture (`amd64`, `arm64`). */
export function temporalArchiveUrl(platform: string, architecture: string): string {
  return `https://temporal.download/cli/archive/v${TEMPORAL_CLI_VERSION}?platform=${platform}&arch=${architecture}`;
}

/** What the project's own build says of its archives: lines of SHA-256 and name. */
export const TEMPORAL_CHECKSUMS_URL = `https://github.com/temporalio/cli/releases/download/v${TEMPORAL_CLI_VERSION}/checksums.txt`;

export function temporalArchiveName(platform: string, architecture: string): string {
  return `temporal_cli_${TEMPORAL_CLI_VERSION}_${platform}_${architecture}.tar.gz`;
}

export interface CliVersion {
  cli: string;
  server: string;
}

/** Reads `temporal version 1.5.1 (Server 1.29.1, UI 2.42.1)`; undefined when it says something else. */
export function parseCliVersion(output: string): CliVersion | undefined {
  const match = /^temporal version (\S+) \(Server ([^,\s]+),/.exec(output.trim());
  return match === null ? undefined : { cli: match[1]!, server: match[2]! };
}
