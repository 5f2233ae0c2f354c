/** What commands that put policies in force, or run what is in force, need first: policies, their commit, their engine, this machine. */
import { hostname, tmpdir } from 'node:os';
import { resolve } from 'node:path';
import type { PolicyCommit } from '../domain/action.ts';
import type { CompileResult } from '../domain/compile.ts';
import type { EngineAddress } from '../engine/connection.ts';
import type { WorkerMachine } from '../worker.ts';
import type { CliContext } from './command.ts';
import { compilePolicies, DEFAULT_POLICY_PATHS, refuseBroken, type LookedUpPolicies } from './compile-policies.ts';
import { resolveEngineAddress } from './engine-address.ts';
import type { PolicyReader } from './policy-reader.ts';
import { compileToApply, type PoliciesToApply } from './policies-to-apply.ts';
import { requireCommit } from './policy-source.ts';

export interface PreparedPolicies extends Surroundings {
  compiled: PoliciesToApply;
  /** The commit they were read from; absent: from the disk. */
  commit?: PolicyCommit;
}

/** What the policies of a folder say of where they are in force. */
export interface Surroundings {
  compiled: CompileResult;
  /** Absent: the embedded engine. */
  engine?: EngineAddress;
  machine: WorkerMachine;
}

export interface MachineOptions {
  host?: string;
  secrets?: string;
  allowCommands?: boolean;
}

/** Throws PolicyError (nothing of it was applied), and what resolving secrets throws. */
export async function preparePolicies(
  context: CliContext,
  paths: string[],
  options: MachineOptions & { ref?: string } = {},
): Promise<PreparedPolicies> {
  const reader = options.ref === undefined ? undefined : await readerOf(context, options.ref, paths);
  const compiled = await compileToApply(context, paths, reader);
  for (const problem of compiled.warnings) context.output.warn(`${problem.file}:${problem.line}: ${problem.message}`);
  return {
    compiled,
    ...(reader?.commit === undefined ? {} : { commit: reader.commit }),
    ...(await surroundingsOf(context, compiled, options, reader)),
  };
}

async function readerOf(context: CliContext, ref: string, paths: string[]): Promise<PolicyReader> {
  const { openCommit } = await import('./committed-policies.ts');
  return openCommit(ref, paths.length === 0 ? DEFAULT_POLICY_PATHS : paths, context);
}

/** For an operator who has no time for a misspelt key in some policy: only where engine and evidence are must be known. */
export async function lookUpSurroundings(
  context: CliContext,
  paths: string[],
): Promise<Surroundings & { compiled: LookedUpPolicies }> {
  const compiled = await compilePolicies(context, paths);
  refuseBroken(compiled, (document) => document.startsWith('Project/') || document.startsWith('Location/'));
  return { compiled, ...(await surroundingsOf(context, compiled)) };
}

async function surroundingsOf(
  context: CliContext,
  compiled: CompileResult,
  options: MachineOptions = {},
  reader?: PolicyReader,
): Promise<Omit<Surroundings, 'compiled'>> {
  const machine = machineOf(context, options, compiled.engine.kind === 'embedded');
  const engine = await resolveEngineAddress(compiled.engine, {
    environment: machine.environment,
    baseDirectory: machine.secretsDirectory,
    allowCommands: machine.allowCommands,
    signal: context.signal,
    ...(reader === undefined ? {} : { readCommitted: (path) => reader.files.read(path) }),
  });
  return { machine, ...(engine === undefined ? {} : { engine }) };
}

/** The commit of the policies; the embedded engine belongs to one person, who may try things out. */
export async function commitOf(
  context: CliContext,
  { compiled, commit }: PreparedPolicies,
  tolerateDirty: boolean,
): Promise<PolicyCommit> {
  return commit ?? requireCommit(context, compiled.paths, compiled.read, tolerateDirty);
}

function machineOf(context: CliContext, options: MachineOptions, embedded: boolean): WorkerMachine {
  return {
    environment: context.environment,
    hostname: options.host ?? hostname(),
    // Compiled for the embedded engine, secret files are absolute already.
    secretsDirectory: resolve(context.directory, options.secrets ?? '.'),
    scratchDirectory: tmpdir(),
    // Who starts the embedded engine has written the policies; elsewhere the operator of the worker decides.
    allowCommands: options.allowCommands ?? embedded,
  };
}
