/** The text of imported policies: YAML with comments. */
import { Document, Scalar, visit } from 'yaml';
import type { DraftDocument } from './drafts.ts';

const WIDTH = 100;

/** Each document with its comments; several are parted by `---`. */
export function writeDocuments(documents: readonly DraftDocument[]): string {
  return documents.map(writeDocument).join('---\n');
}

function writeDocument({ kind, name, spec, comments, isOpen }: DraftDocument): string {
  const content = { apiVersion: 'holdfast/v1', kind, metadata: { name }, spec };
  const document = new Document(content, { aliasDuplicateObjects: false });
  // YAML 1.1 tools read a time of day as a number.
  visit(document, {
    Scalar(_key, node) {
      if (/^\d\d:\d\d$/.test(String(node.value))) node.type = Scalar.QUOTE_DOUBLE;
    },
  });
  const text = document.toString({ lineWidth: 0, flowCollectionPadding: true });
  const said = comments
    .flatMap(wrap)
    .map((line) => `# ${line}\n`)
    .join('');
  return said + (isOpen === true ? text.replaceAll(/^/gm, '# ').replace(/# $/, '') : text);
}

/** At words, so that a comment fits beside the YAML. */
function wrap(text: string): string[] {
  const lines: string[] = [];
  for (const word of text.replaceAll(/\s+/g, ' ').split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length < WIDTH) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
