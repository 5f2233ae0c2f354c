/** Self-contained HTML: text that cannot break out of it, charts as SVG, one style for light and dark. */

/** For text and for attributes in double quotes. */
export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

const STYLE = `
:root { color-scheme: light dark; --line: light-dark(#d5d9e0, #3a3f4a); --dim: light-dark(#5c6470, #9aa3b0); --mark: light-dark(#2458d3, #7ea6ff); --bad: light-dark(#b3261e, #ff8a80); --good: light-dark(#1b7f3b, #7bd88f); }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; margin: 0; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
p { margin: .3rem 0; } .dim { color: var(--dim); } .bad { color: var(--bad); font-weight: 600; } .good { color: var(--good); }
.wide { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; white-space: nowrap; }
td.long { white-space: normal; min-width: 14rem; } th { color: var(--dim); font-weight: 600; } .number { text-align: right; font-variant-numeric: tabular-nums; }
svg { width: 100%; height: auto; display: block; } svg text { fill: var(--dim); font-size: 11px; } .area { fill: var(--mark); opacity: .25; } .stroke { fill: none; stroke: var(--mark); stroke-width: 1.5; } .axis { stroke: var(--line); }
`;

/** A whole document; it loads nothing, and a browser that obeys its policy would not either. */
export function htmlPage(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
${body}
</body>
</html>
`;
}

export interface HtmlColumn {
  heading: string;
  className?: 'number' | 'long' | undefined;
}

/** Cells are HTML already. */
export function htmlTable(columns: readonly HtmlColumn[], rows: readonly (readonly string[])[]): string {
  const cell = (tag: 'th' | 'td', index: number, content: string): string => {
    const { className } = columns[index]!;
    return `<${tag}${className === undefined ? '' : ` class="${className}"`}>${content}</${tag}>`;
  };
  const head = columns.map(({ heading }, index) => cell('th', index, escapeHtml(heading))).join('');
  const body = rows.map((row) => `<tr>${row.map((content, index) => cell('td', index, content)).join('')}</tr>`);
  return `<div class="wide"><table>\n<thead><tr>${head}</tr></thead>\n<tbody>\n${body.join('\n')}\n</tbody></table></div>`;
}

const WIDTH = 900;
const HEIGHT = 160;
const LEFT = 70;
const BOTTOM = 20;
const TOP = 10;

/** Values over days as an area, from zero; `format` labels the highest value. */
export function areaChart(
  values: readonly number[],
  first: string,
  last: string,
  format: (value: number) => string,
): string {
  const most = Math.max(1, ...values);
  const x = (index: number): number => LEFT + (index * (WIDTH - LEFT)) / Math.max(1, values.length - 1);
  const y = (value: number): number => TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / most);
  const points = values.map((value, index) => `${x(index).toFixed(1)},${y(value).toFixed(1)}`);
  const floor = HEIGHT - BOTTOM;
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img">
<line class="axis" x1="${LEFT}" y1="${floor}" x2="${WIDTH}" y2="${floor}"/><line class="axis" x1="${LEFT}" y1="${y(most)}" x2="${WIDTH}" y2="${y(most)}"/>
<polygon class="area" points="${LEFT},${floor} ${points.join(' ')} ${x(values.length - 1).toFixed(1)},${floor}"/><polyline class="stroke" points="${points.join(' ')}"/>
<text x="${LEFT - 6}" y="${y(most) + 4}" text-anchor="end">${escapeHtml(format(most))}</text><text x="${LEFT - 6}" y="${floor}" text-anchor="end">0</text>
<text x="${LEFT}" y="${HEIGHT - 4}">${escapeHtml(first)}</text><text x="${WIDTH}" y="${HEIGHT - 4}" text-anchor="end">${escapeHtml(last)}</text>
</svg>`;
}
