/** `npm run bench -- storage`: holdfast, sftp, rclone and restic in turn on the same transfers to servers on loopback. */
import { mkdirSync } from 'node:fs';
import { loadavg } from 'node:os';
import { prepareCorpus } from './corpora.ts';
import { prepareEmptyRepository } from './empty-repository.ts';
import { prepareMachine } from './machine.ts';
import { findGnuTime } from './measure-process.ts';
import { findPrograms } from './programs.ts';
import { runTransfer, type TransferRound, type TransferTask } from './run-transfer.ts';
import { parseStorageOptions, STORAGE_HELP, type StorageOptions } from './storage-options.ts';
import { describeMovers, describeServer, documentStorage, type StorageReport } from './storage-report.ts';
import { isTransferMissed, judgeTransfers } from './storage-targets.ts';
import { summarizeRounds, type Row } from './summarize-rounds.ts';
import { findMovers } from './transfer-programs.ts';
import { startSite, type Site } from './transfer-servers.ts';
import { prepareLargeFile, prepareSmallFiles, serversOf, type ServerKind, type Transfer } from './transfer-workload.ts';
import { runBenchmark, say } from './run-benchmark.ts';

export function runStorageBenchmark(args: string[]): Promise<void> {
  return runBenchmark(args, {
    help: STORAGE_HELP,
    parse: parseStorageOptions,
    measure: measureStorage,
    document: documentStorage,
    isMissed: ({ verdicts }) => verdicts.some((verdict) => verdict.level === 'must' && isTransferMissed(verdict)),
  });
}

async function measureStorage(options: StorageOptions): Promise<StorageReport> {
  const { work, scale } = options;
  mkdirSync(work, { recursive: true, mode: 0o700 });
  const machine = prepareMachine(work);
  const movers = findMovers(options.peers, options.programs);
  const empty = await prepareEmptyRepository(work, findPrograms(options.peers, undefined));
  const gnuTime = findGnuTime();
  const pairs = options.transfers.flatMap((transfer) =>
    serversOf(transfer, options.servers).map((server) => ({ transfer, server })),
  );
  const sites = new Map<ServerKind, Site>();
  try {
    for (const server of new Set(pairs.map((pair) => pair.server))) sites.set(server, await startSite(server));
    const tasks = pairs.map(({ transfer, server }): TransferTask => {
      const source = prepareSource(work, transfer, scale);
      return { work, transfer, site: sites.get(server)!, movers, source, empty, gnuTime, say };
    });
    const rounds = runRounds(tasks, options.rounds);
    const rows = pairs.flatMap(({ transfer, server }) => summarize(rounds, transfer, server));
    return {
      finished: new Date().toISOString(),
      machine,
      programs: describeMovers(movers),
      servers: [...sites.values()].map(describeServer),
      scrypt: empty.scrypt,
      scale,
      hasGnuTime: gnuTime !== undefined,
      rows,
      verdicts: judgeTransfers(rows),
      rounds,
    };
  } finally {
    for (const site of sites.values()) await site.stop();
  }
}

/** All transfers within each round: what else the machine does falls on all alike. */
function runRounds(tasks: TransferTask[], count: number): TransferRound[] {
  const rounds: TransferRound[] = [];
  for (let round = 1; round <= count; round++) {
    say(`round ${round} of ${count}`);
    for (const task of tasks) {
      const { transfer, site } = task;
      if (transfer.startsWith('long') && round > 1) continue;
      const loadAverage = loadavg()[0] ?? Number.NaN;
      rounds.push({ server: site.kind, transfer, round, loadAverage, measurements: runTransfer(task, round) });
    }
  }
  return rounds;
}

function prepareSource(work: string, transfer: Transfer, scale: number): string {
  if (transfer === 'backup') return prepareCorpus(work, 'tree', scale, say);
  return transfer === 'files' ? prepareSmallFiles(work, scale) : prepareLargeFile(work, transfer, scale);
}

function summarize(rounds: TransferRound[], transfer: Transfer, server: ServerKind): Row[] {
  const own = rounds.filter((round) => round.transfer === transfer && round.server === server);
  const programs = new Set(own.flatMap(({ measurements }) => measurements.map(({ program }) => program)));
  return summarizeRounds(server, [transfer], [...programs].toSorted(), own);
}
