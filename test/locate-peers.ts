/** Runs once before the tests: finds the Temporal CLI (or has holdfast build it) when a test of this run asks for it. */
import { readFile } from 'node:fs/promises';
import type { TestProject } from 'vitest/node';
import { findOnPath } from './peers.ts';

const ASKS_FOR_TEMPORAL = "requirePeer('temporal')";

export async function setup(project: TestProject): Promise<void> {
  const { testFiles } = await project.globTestFiles(project.vitest.config.filters);
  const texts = await Promise.all(testFiles.map((file) => readFile(file, 'utf8')));
  const asked = texts.some((text) => text.includes(ASKS_FOR_TEMPORAL));
  project.provide('temporalCli', asked ? ((await findTemporalCli()) ?? '') : '');
}

async function findTemporalCli(): Promise<string | undefined> {
  return findOnPath('temporal');
}
