/** Problems as annotations of a pull request on GitHub: workflow commands, one a line ("Workflow commands for GitHub Actions"). */
import type { Problem } from './problem.ts';

/**
 * GitHub shows at most ten errors and ten warnings of a step, the first ones, and takes paths from the repository's top: run it
 * there.
 */
export function renderGithubAnnotation({ severity, file, line, column, length, code, message, hint }: Problem): string {
  const properties = {
    file,
    line: String(line),
    col: String(column),
    endColumn: String(column + length),
    title: `holdfast: ${code}`,
  };
  const written = Object.entries(properties).map(([name, value]) => `${name}=${escapeProperty(value)}`);
  return `::${severity} ${written.join(',')}::${escapeData(hint === undefined ? message : `${message}\n${hint}`)}`;
}

function escapeData(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
