/** Documents as YAML, laid out as people do: for tests of what must read, and keep, any of it. */
import { Document, isMap, isPair, isScalar, isSeq, type Node, visit } from 'yaml';

/** Flow or block, comments (`# comment N`) and blank lines anywhere. `choose` gives a number below another one. */
export function layOut(data: object, choose: (most: number) => number, indent: number): string {
  const document = new Document(data);
  let comments = 0;
  visit(document, (key, node) => {
    const value = (isPair(node) ? node.key : node) as Node | null;
    if ((isMap(node) || isSeq(node)) && node !== document.contents && choose(4) === 0) node.flow = true;
    const isPlace = isPair(node) || (isScalar(node) && key === 'value') || (isScalar(node) && typeof key === 'number');
    if (!isPlace || value === null) return;
    if (isPair(node) && choose(6) === 0) value.commentBefore = ` comment ${comments++}`;
    if (isPair(node) && choose(6) === 0) value.spaceBefore = true;
    if (isScalar(node) && choose(6) === 0) node.comment = ` comment ${comments++}`;
    if (isScalar(node) && choose(8) === 0) node.type = 'QUOTE_DOUBLE';
  });
  return document.toString({ indent, lineWidth: 0, indentSeq: choose(2) === 0 });
}
