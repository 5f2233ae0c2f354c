/** Placeholders in the texts of a template: `${NAME}` stands for a value; `$${` is written for a `${` that is none. */

const PLACEHOLDER = /\$(\$\{)|\$\{([^}]*)\}/g;

/** The names in a text, in order. */
export function placeholdersOf(text: string): string[] {
  return [...text.matchAll(PLACEHOLDER)].flatMap(([, escaped, name = '']) => (escaped === undefined ? [name] : []));
}

/** The name, when the placeholder is the whole text: its value is taken with its type. */
export function wholePlaceholder(text: string): string | undefined {
  return /^\$\{([^}]*)\}$/.exec(text)?.[1];
}

/** The text with each placeholder replaced. */
export function fillText(text: string, valueOf: (name: string) => unknown): string {
  return text.replace(PLACEHOLDER, (_, escaped: string | undefined, name: string) => escaped ?? String(valueOf(name)));
}
