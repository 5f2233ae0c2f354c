/** What to write instead of a retention period that is none. */

export function retentionPeriodHint(text: string): string {
  if (/\d\s*m(?!o)/.test(text)) return 'a bare "m" could mean minutes or months: write mo for months, as in 1y6mo';
  if (/\d\s*w/.test(text)) return 'restic counts no weeks here: write days (6w is 42d)';
  return 'write numbers with y, mo, d and h, as in 1y6mo, 30d or 48h';
}
