/** A round of a benchmark: from the finished ones when it is there, else run now and noted. */
import { loadavg } from 'node:os';
import { appendRound, digestSetting, readRounds, type RoundRecord } from './round-records.ts';
import { runRound, type RoundTask } from './run-round.ts';

export function findOrRunRound(task: RoundTask, round: number, rounds: number): RoundRecord {
  const { work, corpus, scale, operations, programs, empty, say } = task;
  const setting = digestSetting({ corpus, scale, operations, programs, scrypt: empty.scrypt, node: process.version });
  const finished = readRounds(work, setting).find((record) => record.round === round);
  if (finished !== undefined) return finished;
  say(`${corpus}, round ${round} of ${rounds}`);
  const loadAverage = loadavg()[0] ?? Number.NaN;
  const measurements = runRound(task, round);
  const record = { setting, corpus, round, finished: new Date().toISOString(), loadAverage, measurements };
  appendRound(work, record);
  return record;
}
