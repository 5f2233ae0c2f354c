/** Go templates in resticprofile's files: values are marked, to be written out where they are known; more is refused. */
import { HoldfastError } from '../common/errors.ts';

const EXPRESSION = /\{\{-?\s*(.*?)\s*-?\}\}/g;
const VALUE = /^\.[A-Za-z][\w.]*$/;

/** `{{ .Profile.Name }}` becomes `⟦.Profile.Name⟧`, which is text in every format. Throws Usage for a template that makes lines. */
export function hideTemplates(file: string, text: string): string {
  return text
    .split('\n')
    .map((line, index) =>
      line.replaceAll(EXPRESSION, (_, expression: string) => {
        if (VALUE.test(expression)) return `⟦${expression}⟧`;
        if (expression.startsWith('.')) return '⟦…⟧';
        throw new HoldfastError(
          'Usage',
          `${file}:${index + 1} has a template (${expression.split(/\s/)[0]}) whose lines only resticprofile can make`,
          {
            hint: 'write its lines out in a copy of the file, and import that',
          },
        );
      }),
    )
    .join('\n');
}
