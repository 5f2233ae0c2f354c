/** A benchmark's report, for the terminal and as a file to be committed. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

export interface Table {
  head: string[];
  /** Numbers of the columns that are set flush right. */
  right: number[];
  rows: string[][];
}

export interface ReportDocument {
  title: string;
  /** The command that made it, and a day. */
  origin: string;
  /** One line each: the machine, the programs, how to read the figures. */
  preface: string[];
  sections: { title: string; table: Table; conclusion?: string }[];
}

export function renderText({ preface, sections }: ReportDocument): string {
  const blocks = sections.flatMap(({ title, table, conclusion }) => [
    `${title}\n`,
    `${renderTextTable(table)}\n`,
    ...(conclusion === undefined ? [] : [`${conclusion}\n`]),
  ]);
  return [`${preface.join('\n')}\n`, ...blocks].join('\n');
}

export function renderMarkdown({ title, origin, preface, sections }: ReportDocument): string {
  const blocks = sections.flatMap((section) => [
    `## ${section.title}\n`,
    `${renderMarkdownTable(section.table)}\n`,
    ...(section.conclusion === undefined ? [] : [`${section.conclusion}\n`]),
  ]);
  return [`# ${title}\n`, `${origin}\n`, `${preface.map((line) => `- ${line}`).join('\n')}\n`, ...blocks].join('\n');
}

/** Writes NAME.md and NAME.json; `figures` is all that the document was made of. */
export function saveReport(name: string, document: ReportDocument, figures: unknown): void {
  mkdirSync(path.dirname(name), { recursive: true });
  writeFileSync(`${name}.md`, renderMarkdown(document));
  writeFileSync(`${name}.json`, `${JSON.stringify(figures, undefined, 2)}\n`);
}

/** The argument of `--save`, with or without an extension; undefined stays undefined. */
export function parseSave(text: string | undefined): string | undefined {
  return text === undefined ? undefined : path.resolve(text.replace(/\.(md|json)$/, ''));
}

/** Columns as wide as their widest cell. */
function renderTextTable({ head, right, rows }: Table): string {
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

function renderMarkdownTable({ head, right, rows }: Table): string {
  const rule = head.map((_, column) => (right.includes(column) ? '---:' : '---'));
  return [head, rule, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
