import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { renderProblems } from '../../schemas/problem.ts';
import { checkFiles } from './check-files.ts';
import { readCases } from './read-cases.ts';

describe('what validate says of wrong policies, to the letter', () => {
  for (const { title, files, expected } of readCases(path.join(import.meta.dirname, 'invalid-policies.txt'))) {
    test(title, async () => {
      const { problems } = await checkFiles(files);
      expect(renderProblems(problems)).toBe(expected);
    });
  }
});
