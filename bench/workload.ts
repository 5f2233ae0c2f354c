/** What is measured: the operations, and which of them each corpus is for. */

/** `edited` is the second backup of one large file, 1 % of whose pages were overwritten since the first. */
export const OPERATIONS = ['backup', 'again', 'restore', 'check', 'edited'] as const;
export const CORPORA = ['tree', 'big', 'database'] as const;

export type Operation = (typeof OPERATIONS)[number];
export type CorpusName = (typeof CORPORA)[number];

/** The operations that are measured on a corpus, in the order in which they run. Nothing can be done before a backup. */
export function operationsOn(corpus: CorpusName, wanted: Operation[]): Operation[] {
  if (corpus === 'database') return wanted.filter((operation) => operation === 'edited');
  const chosen = OPERATIONS.filter((operation) => operation !== 'edited' && wanted.includes(operation));
  return chosen.length === 0 || chosen[0] === 'backup' ? chosen : ['backup', ...chosen];
}
