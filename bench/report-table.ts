/** A table of a report, for the terminal and for a Markdown file. */

export interface Table {
  head: string[];
  /** Numbers of the columns that are set flush right. */
  right: number[];
  rows: string[][];
}

/** Columns as wide as their widest cell. */
export function renderTextTable({ head, right, rows }: Table): string {
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column]?.length ?? 0)));
  return [head, ...rows]
    .map((row) =>
      row
        .map((cell, column) => (right.includes(column) ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

export function renderMarkdownTable({ head, right, rows }: Table): string {
  const rule = head.map((_, column) => (right.includes(column) ? '---:' : '---'));
  return [head, rule, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
