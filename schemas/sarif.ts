/** Problems as a SARIF log (OASIS, Static Analysis Results Interchange Format 2.1.0), which GitHub, GitLab and editors show. */
import type { Problem } from './problem.ts';

/** @param version Of holdfast. @param locate The URI of a file, relative to where the log's reader begins, or absolute. */
export function sarifLog(problems: readonly Problem[], version: string, locate: (file: string) => string): object {
  const codes = [...new Set(problems.map(({ code }) => code))].toSorted();
  return {
    $schema: 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'holdfast',
            version,
            rules: codes.map((id) => ({ id, shortDescription: { text: id.replaceAll('-', ' ') } })),
          },
        },
        columnKind: 'utf16CodeUnits',
        results: problems.map((problem) => ({
          ruleId: problem.code,
          ruleIndex: codes.indexOf(problem.code),
          level: problem.severity,
          message: { text: problem.hint === undefined ? problem.message : `${problem.message}: ${problem.hint}` },
          locations: [
            {
              physicalLocation: {
                artifactLocation: { uri: locate(problem.file) },
                region: regionOf(problem),
              },
            },
          ],
        })),
      },
    ],
  };
}

/** `endColumn` is the one behind the last character. */
function regionOf({ line, column, length }: Problem): object {
  return { startLine: line, startColumn: column, endColumn: column + length };
}
