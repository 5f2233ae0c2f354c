/** Asks a person a question that is answered by yes or no; everything but yes is no. */

/** Needs a terminal (`CliContext.interactive`). Rejects with an AbortError when the signal fires. */
export async function askYesNo(question: string, signal: AbortSignal): Promise<boolean> {
  const { createInterface } = await import('node:readline/promises');
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await terminal.question(question, { signal })).trim());
  } finally {
    terminal.close();
  }
}
