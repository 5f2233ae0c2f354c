/** Runs once before the tests: finds the Temporal CLI (or has holdfast install it) when a test of this run asks for it. */
import { readFile } from 'node:fs/promises';
import type { TestProject } from 'vitest/node';
import { cacheDirectoryOf } from '../cli/state-folder.ts';
import { locateCli } from '../engine/locate-cli.ts';

const ASKS_FOR_TEMPORAL = "requirePeer('temporal')";

export async function setup(project: TestProject): Promise<void> {
  const { testFiles } = await project.globTestFiles(project.vitest.config.filters);
  const texts = await Promise.all(testFiles.map((file) => readFile(file, 'utf8')));
  const asked = texts.some((text) => text.includes(ASKS_FOR_TEMPORAL));
  project.provide('temporalCli', asked ? ((await findTemporalCli()) ?? '') : '');
}

/** Building it takes minutes, so what is happening is told; where it cannot be had, the tests that need it say so. */
async function findTemporalCli(): Promise<string | undefined> {
  try {
    const cli = await locateCli({
      explicitPath: process.env['HOLDFAST_TEMPORAL_CLI'] || undefined,
      cacheDirectory: cacheDirectoryOf(process.env),
      environment: process.env,
      onProgress: (line) => process.stderr.write(`${line}\n`),
    });
    return cli.path;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return undefined;
  }
}
