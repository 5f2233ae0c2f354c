/** The difference between two texts, line by line, as `diff -u` shows it. */

type Step = ' ' | '-' | '+';

const CONTEXT = 3;

/** Lines of a unified diff under these names; none for equal texts. */
export function unifiedDiff(before: string, after: string, names: { before: string; after: string }): string[] {
  if (before === after) return [];
  const script = editScript(linesOf(before), linesOf(after));
  return [`--- ${names.before}`, `+++ ${names.after}`, ...hunksOf(script)];
}

/** A last line without its end is told as diff tells it. */
function linesOf(text: string): string[] {
  const lines = text.split('\n');
  const last = lines.pop();
  return last === undefined || last === '' ? lines : [...lines, `${last}\n\\ No newline at end of file`];
}

/** Myers' shortest edit script ("An O(ND) Difference Algorithm", 1986), between what both begin and end with. */
function editScript(before: readonly string[], after: readonly string[]): [Step, string][] {
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start++;
  let end = 0;
  while (
    end < Math.min(before.length, after.length) - start &&
    before[before.length - 1 - end] === after[after.length - 1 - end]
  )
    end++;
  const same = (lines: readonly string[]): [Step, string][] => lines.map((line) => [' ', line]);
  return [
    ...same(before.slice(0, start)),
    ...shortestScript(before.slice(start, before.length - end), after.slice(start, after.length - end)),
    ...same(before.slice(before.length - end)),
  ];
}

function shortestScript(before: readonly string[], after: readonly string[]): [Step, string][] {
  const trace: Map<number, number>[] = [];
  let reached = new Map([[1, 0]]);
  search: for (let edits = 0; ; edits++) {
    trace.push(reached);
    const next = new Map<number, number>();
    for (let diagonal = -edits; diagonal <= edits; diagonal += 2) {
      const [left = -1, above = -1] = [reached.get(diagonal - 1), reached.get(diagonal + 1)];
      let x = diagonal === -edits || (diagonal !== edits && left < above) ? above : left + 1;
      while (x < before.length && x - diagonal < after.length && before[x] === after[x - diagonal]) x++;
      next.set(diagonal, x);
      if (x >= before.length && x - diagonal >= after.length) break search;
    }
    reached = next;
  }
  return walkBack(before, after, trace);
}

function walkBack(before: readonly string[], after: readonly string[], trace: Map<number, number>[]): [Step, string][] {
  const steps: [Step, string][] = [];
  let [x, y] = [before.length, after.length];
  for (let edits = trace.length - 1; edits >= 0; edits--) {
    const reached = trace[edits]!;
    const diagonal = x - y;
    const [left = -1, above = -1] = [reached.get(diagonal - 1), reached.get(diagonal + 1)];
    const isInsertion = diagonal === -edits || (diagonal !== edits && left < above);
    const fromX = edits === 0 ? 0 : isInsertion ? above : left;
    const fromY = edits === 0 ? 0 : fromX - (isInsertion ? diagonal + 1 : diagonal - 1);
    while (x > fromX && y > fromY) {
      const isStep = edits > 0 && (isInsertion ? y - 1 === fromY && x === fromX : x - 1 === fromX && y === fromY);
      if (isStep) break;
      steps.push([' ', before[x - 1]!]);
      x--;
      y--;
    }
    if (edits === 0) break;
    if (isInsertion) steps.push(['+', after[--y]!]);
    else steps.push(['-', before[--x]!]);
  }
  return steps.toReversed();
}

function hunksOf(script: readonly (readonly [Step, string])[]): string[] {
  const changed = script.flatMap(([step], index) => (step === ' ' ? [] : [index]));
  const lines: string[] = [];
  let [oldLine, newLine, done] = [1, 1, 0];
  for (let at = 0; at < changed.length;) {
    const from = Math.max(done, changed[at]! - CONTEXT);
    while (at + 1 < changed.length && changed[at + 1]! - changed[at]! <= 2 * CONTEXT) at++;
    const to = Math.min(script.length, changed[at]! + CONTEXT + 1);
    const skipped = from - done;
    const hunk = script.slice(from, to);
    const [old, now] = (['+', '-'] as const).map((other) => hunk.filter(([step]) => step !== other).length);
    oldLine += skipped;
    newLine += skipped;
    lines.push(`@@ -${rangeOf(oldLine, old!)} +${rangeOf(newLine, now!)} @@`);
    lines.push(...hunk.map(([step, line]) => step + line));
    oldLine += old!;
    newLine += now!;
    done = to;
    at++;
  }
  return lines;
}

/** An empty range is named by the line before it. */
function rangeOf(line: number, count: number): string {
  if (count === 0) return `${line - 1},0`;
  return count === 1 ? String(line) : `${line},${count}`;
}
