/** `holdfast coverage`: which folders and databases of this machine no policy protects. */
import { hostname } from 'node:os';
import { InvalidArgumentError } from 'commander';
import type { ByteString } from '../common/byte-string.ts';
import { CoverageSurvey, needsProtection, type CoverageItem } from '../domain/coverage.ts';
import { displayPath, fromText, joinPath } from '../files/byte-path.ts';
import { findDatabaseServers, type DatabaseServer } from '../files/database-servers.ts';
import { openLocalTree } from '../files/local-tree.ts';
import type { CliCommand, CliContext } from './command.ts';
import { readPolicyCoverage, surveyedFolder, type PolicyCoverage } from './coverage-ground.ts';
import { tellCoverage, type ServerCoverage, type SurveyedFolders } from './coverage-lines.ts';
import { ExitStatus } from './exit-status.ts';

/** More than a person has in a home folder; beyond it sizes are told as "at least". */
const MAX_ENTRIES = 1_000_000;
/** How deep in a source folders that it leaves out are looked for. */
const SOURCE_DEPTH = 4;

interface Options {
  policies?: string;
  host?: string;
  depth?: number;
  strict?: boolean;
}

export const command: CliCommand<Options> = {
  configure(command) {
    command
      .description(
        'Lists the folders and databases below DIR that no policy backs up or syncs, each at its highest folder, with size and newest change. Exit status 7 when there are any.',
      )
      .argument('<dirs...>', 'folders to look at; / is the whole machine')
      .option('--depth <n>', 'measure and search at most n levels below DIR (default: all)', parseDepth)
      .option('--strict', 'folders that policies leave out on purpose count, too')
      .option('--host <name>', 'whose folders these are, as policies name it in source.host (default: this host)')
      .option('--policies <path>', 'where the policies are (default: policies/)');
  },

  async run(context, { args, options }) {
    const folders = (args[0] as string[]).map((given) => surveyedFolder(context.directory, given));
    const host = options.host ?? hostname();
    const ground = await readPolicyCoverage(context, { policies: options.policies, host });
    const surveyed: SurveyedFolders = { host, items: [], unreadable: [], servers: [], remarks: ground.remarks };
    const progress = context.output.progress();
    try {
      // One below another is looked at with it.
      const tops = folders.filter(
        ({ path }, index) =>
          !folders.some((other, at) => isWithin(path, other.path) && (path !== other.path || at < index)),
      );
      for (const top of tops) await survey(context, top, { ground, depth: options.depth, surveyed, progress });
      surveyed.servers = coverageOfServers(
        tops.map(({ path }) => path),
        ground,
        surveyed.items,
      );
    } finally {
      progress.finish();
    }
    tellCoverage(context, surveyed, options.strict === true);
    const isFound = surveyed.items.some((item) => needsProtection(item, options.strict === true));
    return isFound || surveyed.servers.some(({ state }) => state === 'unprotected')
      ? ExitStatus.needsAttention
      : ExitStatus.done;
  },
};

function parseDepth(text: string): number {
  if (!/^[1-9]\d{0,3}$/.test(text)) throw new InvalidArgumentError('Give a whole number from 1.');
  return Number(text);
}

interface SurveyOptions {
  ground: PolicyCoverage;
  depth: number | undefined;
  surveyed: SurveyedFolders;
  progress: ReturnType<CliContext['output']['progress']>;
}

async function survey(
  { signal }: CliContext,
  { path: root, device }: { path: ByteString; device: bigint },
  { ground, depth, surveyed, progress }: SurveyOptions,
): Promise<void> {
  const limits = { entries: MAX_ENTRIES, sourceDepth: SOURCE_DEPTH, ...(depth === undefined ? {} : { depth }) };
  const found = new CoverageSurvey(root, device, ground, limits);
  if (!found.isWorthLooking) return;
  const tree = openLocalTree(displayPath(root));
  let entries = 0;
  try {
    const walk = tree.walk({
      signal,
      include: ({ path, type, sizeBytes, mtimeNs, device: on }) => {
        if (++entries % 1000 === 0) progress.report({ phase: 'looking at folders', files: entries });
        const kind = type === 'dir' || type === 'file' ? type : 'other';
        return found.visit({ path: joinPath(root, path), type: kind, sizeBytes, mtimeNs, device: on });
      },
      onError: (path) => void surveyed.unreadable.push(joinPath(root, path)),
    });
    for await (const _entry of walk);
  } finally {
    await tree.close();
  }
  surveyed.items.push(...found.finish());
}

/** Servers whose data lies below the folders, or where it cannot be seen. */
function coverageOfServers(
  roots: readonly ByteString[],
  ground: PolicyCoverage,
  items: readonly CoverageItem[],
): ServerCoverage[] {
  return findDatabaseServers().flatMap((server: DatabaseServer): ServerCoverage[] => {
    if (server.dataFolder === undefined) return [{ ...server, state: 'unknown' }];
    const folder = fromText(server.dataFolder);
    if (!roots.some((root) => isWithin(folder, root))) return [];
    const isListed = items.some(
      ({ state, kind, path }) =>
        kind !== 'files' && (state === 'unprotected' || state === 'excluded') && isWithin(folder, path),
    );
    const policies = ground.sources.filter(({ directory }) => isWithin(folder, directory)).map(({ policy }) => policy);
    return [
      {
        ...server,
        state: isListed || policies.length === 0 ? 'unprotected' : 'as-files',
        policies: [...new Set(policies)],
      },
    ];
  });
}

function isWithin(path: ByteString, folder: ByteString): boolean {
  return path === folder || folder === '/' || path.startsWith(`${folder}/`);
}
