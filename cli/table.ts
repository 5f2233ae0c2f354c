/** Tables for people: columns as wide as their widest cell, numbers to the right, no line longer than the terminal. */
import { stripVTControlCharacters } from 'node:util';

export interface Column {
  heading: string;
  align?: 'left' | 'right';
}

/**
 * Lines of the table, headings first. A cell may hold several lines (what does not fit beside it continues below) and
 * colours. `maxWidth` cuts lines, as a terminal would otherwise wrap them.
 */
export function renderTable(columns: Column[], rows: string[][], maxWidth?: number): string[] {
  const lines = [columns.map((column) => column.heading), ...rows].flatMap(splitRow);
  const widths = columns.map((_, index) => Math.max(...lines.map((cells) => displayWidth(cells[index] ?? ''))));
  return lines.map((cells) => {
    const padded = columns.map((column, index) => pad(cells[index] ?? '', widths[index]!, column.align ?? 'left'));
    const line = padded.join('  ').trimEnd();
    return maxWidth !== undefined && displayWidth(line) > maxWidth ? cut(line, maxWidth) : line;
  });
}

/** Characters a terminal shows for it: without colours, one a code point. */
export function displayWidth(text: string): number {
  const plain = stripVTControlCharacters(text);
  // Most cells are ASCII: their length is their width.
  return /^[\x20-\x7e]*$/.test(plain) ? plain.length : [...plain].length;
}

function splitRow(cells: string[]): string[][] {
  const parts = cells.map((cell) => cell.split('\n'));
  const height = Math.max(1, ...parts.map((lines) => lines.length));
  return Array.from({ length: height }, (_, line) => parts.map((lines) => lines[line] ?? ''));
}

function pad(text: string, width: number, align: 'left' | 'right'): string {
  const fill = ' '.repeat(Math.max(0, width - displayWidth(text)));
  return align === 'right' ? fill + text : text + fill;
}

/** Cuts a line, dropping its colours: a cut colour code would colour what follows. */
function cut(line: string, width: number): string {
  return `${[...stripVTControlCharacters(line)].slice(0, Math.max(1, width - 1)).join('')}…`;
}
