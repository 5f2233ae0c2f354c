/**
 * The schema for editors: all kinds in one file, made of the others. It says the same, and besides what editors show
 * and insert. Defaults and examples stand in the prose: yaml-language-server shows no defaults, and inserts those that
 * are keywords with every map.
 */
import { stringify } from 'yaml';
import { explainPath } from './explain-path.ts';
import { followReference, KINDS, rootSchema, type SchemaNode, sharedDefinitions } from './schema-tree.ts';

/** What editors understand beyond the keywords of the other schemas. */
interface EditorNode extends Omit<SchemaNode, 'properties'> {
  $schema?: string;
  markdownDescription?: string;
  defaultSnippets?: { label: string; description?: string; body: unknown }[];
  properties?: Record<string, EditorNode>;
  $defs?: Record<string, EditorNode>;
  allOf?: object[];
}

/** `template`: of a PolicySet, where a placeholder may stand for any plain value, and for a list of such. */
type Form = 'document' | 'template';

/** The text of `holdfast.schema.json`. */
export function generateEditorSchema(): string {
  const definitions = (form: Form): Record<string, EditorNode> =>
    Object.fromEntries(
      Object.entries(sharedDefinitions()).map(([name, node]) => [nameOf(name, form), forEditors(node, form)]),
    );
  const kinds = Object.fromEntries(KINDS.map((kind) => [kind, forEditors(rootSchema(kind), 'document')]));
  completeTemplate(kinds['PolicySet']!);
  const schema: EditorNode = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Document',
    description: 'Any document of holdfast/v1; for editors: `# yaml-language-server: $schema=PATH`.',
    type: 'object',
    required: ['apiVersion', 'kind', 'metadata'],
    properties: {
      apiVersion: { description: 'The version of the language.', const: 'holdfast/v1' },
      kind: { description: 'What this document describes.', enum: KINDS },
    },
    // No `const`: to complete, the language server takes the beginning of a word for the word, and Policy for PolicySet.
    allOf: KINDS.map((kind) => ({
      if: { required: ['kind'], properties: { kind: { type: 'string', pattern: `^${kind}$` } } },
      // oxlint-disable-next-line unicorn/no-thenable -- JSON Schema's word
      then: { $ref: `#/$defs/${kind}` },
    })),
    defaultSnippets: KINDS.map((kind) => ({
      label: kind,
      description: rootSchema(kind).description ?? '',
      body: forSnippet(explainPath(kind).example),
    })),
    $defs: { ...definitions('document'), ...definitions('template'), ...kinds },
  };
  return `${JSON.stringify(schema, undefined, 1)}\n`;
}

function forEditors(node: SchemaNode, form: Form): EditorNode {
  const { $schema: _, $ref, default: standard, examples, ...rest } = node as SchemaNode & { $schema?: string };
  const whole = followReference(node);
  const target = $ref?.slice($ref.lastIndexOf('/') + 1);
  const result: EditorNode = { ...(target === undefined ? {} : { $ref: `#/$defs/${nameOf(target, form)}` }), ...rest };
  const ownProse = node.description !== undefined || standard !== undefined || examples !== undefined;
  if (ownProse && whole.description !== undefined) result.markdownDescription = proseOf(whole);
  if (isPlain(whole)) {
    const values = [...(standard === undefined ? [] : [standard]), ...(examples ?? [])];
    if (values.length > 0 && whole.enum === undefined) result.examples = [...new Set(values)];
  } else if (whole.type === 'object' && whole.properties === undefined && examples !== undefined) {
    result.defaultSnippets = [{ label: 'example', body: forSnippet(examples[0]) }];
  }
  // Without a type a key that must be there is not inserted.
  if (node.enum !== undefined) result.type = 'string';
  // Where a key is counted, the one just being written counts.
  if (node.maxProperties === 1) {
    delete result.minProperties;
    delete result.maxProperties;
    result.oneOf = Object.keys(node.properties ?? {}).map((key) => ({ required: [key] }));
  }
  if (node.properties !== undefined) result.properties = mapValues(node.properties, form);
  if (typeof node.additionalProperties === 'object')
    result.additionalProperties = forEditors(node.additionalProperties, form);
  if (node.propertyNames !== undefined) result.propertyNames = forEditors(node.propertyNames, form);
  if (node.items !== undefined) result.items = forEditors(node.items, form);
  // What is told under the pointer is the branch that fits: of `keep`, more than what its rules are.
  if (node.anyOf !== undefined)
    result.anyOf = node.anyOf.map((branch) => ({ ...forEditors(branch, form), ...toldOf(result) }));
  return form === 'template' ? withPlaceholders(result) : result;
}

function toldOf({ title, description, markdownDescription }: EditorNode): EditorNode {
  return Object.fromEntries(
    Object.entries({ title, description, markdownDescription }).filter(([, text]) => text !== undefined),
  );
}

/** Keys are judged as in a policy; a value may be a placeholder, and is not. */
function withPlaceholders(node: EditorNode): EditorNode {
  if (node.type === 'object' || node.$ref !== undefined || node.anyOf !== undefined) return node;
  const {
    pattern: _pattern,
    const: word,
    enum: words,
    minimum: _least,
    maximum: _most,
    minItems: _items,
    ...rest
  } = node;
  if (node.type === 'array') return { ...rest, type: ['array', 'string'] };
  const values = word === undefined ? words : [word];
  return { ...rest, type: ['string', 'number', 'boolean'], ...(values === undefined ? {} : { examples: values }) };
}

function completeTemplate(policySet: EditorNode): void {
  const parts = policySet.properties!['spec']!.properties!['template']!.properties!;
  const { name: _, ...metadata } = sharedDefinitions()['policyMetadata']!.properties!;
  parts['metadata'] = {
    ...parts['metadata'],
    properties: mapValues(metadata, 'template'),
    additionalProperties: false,
  };
  const spec = forEditors(rootSchema('Policy').properties!['spec']!, 'template');
  parts['spec'] = {
    ...spec,
    description: parts['spec']!.description!,
    markdownDescription: parts['spec']!.markdownDescription!,
  };
}

function nameOf(definition: string, form: Form): string {
  return form === 'template' ? `template.${definition}` : definition;
}

/** Meaning, default and, for what is no plain value, an example. */
function proseOf(node: SchemaNode): string {
  const parts = [node.description];
  if (node.default !== undefined && node.description?.includes('Default:') !== true)
    parts.push(`Default: \`${typeof node.default === 'string' ? node.default : JSON.stringify(node.default)}\`.`);
  if (!isPlain(node) && node.examples !== undefined)
    parts.push(`\`\`\`yaml\n${stringify(node.examples[0], { lineWidth: 0 })}\`\`\``);
  return parts.join('\n\n');
}

/** A `${` in a snippet would be a field to fill in. */
function forSnippet(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value).replaceAll('${', '\\\\${'));
}

function isPlain({ type, anyOf }: SchemaNode): boolean {
  return type !== 'object' && type !== 'array' && anyOf === undefined;
}

function mapValues(nodes: Record<string, SchemaNode>, form: Form): Record<string, EditorNode> {
  return Object.fromEntries(Object.entries(nodes).map(([key, node]) => [key, forEditors(node, form)]));
}
