/** `holdfast import`: turns files of resticprofile, autorestic and borgmatic into policies. */
import { statSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { Option } from 'commander';
import { HoldfastError } from '../common/errors.ts';
import type { DraftDocument } from '../foreign/drafts.ts';
import { IMPORTABLE, importFiles, type Importable, type Imported, type ImportFile } from '../foreign/import-files.ts';
import { writeDocuments } from '../foreign/write-documents.ts';
import type { CliCommand, CliContext } from './command.ts';
import { count, displayText } from './display.ts';
import { ExitStatus } from './exit-status.ts';
import { renderTable } from './table.ts';

const MAX_BYTES = 10 * 1024 * 1024;

interface Options {
  from?: Importable;
  out?: string;
}

export const command: CliCommand<Options> = {
  configure(command) {
    command
      .description(
        'Turns configuration files of resticprofile (TOML, YAML, JSON), autorestic and borgmatic into policies, and lists what has no counterpart. Passwords are never copied, only where they are found. What is there is not changed.',
      )
      .argument('<files...>', 'configuration files; those of one program may be given together')
      .addOption(
        new Option('--from <program>', 'what the files are (default: told by their content)').choices([...IMPORTABLE]),
      )
      .option('--out <dir>', 'write the policies into this folder (default: to stdout); nothing is overwritten');
  },

  async run(context, { args, options }) {
    const files = await Promise.all((args[0] as string[]).map((file) => readConfiguration(context, file)));
    const imported = await importFiles(files, {
      home: context.environment['HOME'] || homedir(),
      timezone: context.environment['TZ'] || Intl.DateTimeFormat().resolvedOptions().timeZone,
      isFile: (path) => statSync(path, { throwIfNoEntry: false })?.isFile() === true,
      from: options.from,
    });
    if (imported.documents.length === 0)
      throw new HoldfastError(
        'NotFound',
        `there is nothing to protect in ${imported.files.map(({ file }) => file).join(', ')}`,
        {
          hint: 'no profile or location in it has a source',
        },
      );
    const written = options.out === undefined ? undefined : await writeFolder(context, options.out, imported.documents);
    tell(context, imported, options.out, written);
    return ExitStatus.done;
  },
};

/** Throws Usage for what is no configuration file. */
async function readConfiguration({ directory }: CliContext, file: string): Promise<ImportFile> {
  const path = resolve(directory, file);
  const refuse = (why: string): HoldfastError =>
    new HoldfastError('Usage', `${file} ${why}`, { hint: 'name a configuration file' });
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) throw refuse('does not exist');
  if (!stat.isFile()) throw refuse('is no file');
  if (stat.size > MAX_BYTES) throw refuse('is too large for a configuration');
  const bytes = await readFile(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'EACCES')
      throw new HoldfastError('AccessDenied', `${file} may not be read by this account`, { cause });
    throw cause;
  });
  try {
    return { file, path, text: new TextDecoder(encodingOf(bytes), { fatal: true }).decode(bytes) };
  } catch {
    throw refuse('is not text (UTF-8, or UTF-16 with its mark)');
  }
}

/** Editors of Windows mark what they write in UTF-16. */
function encodingOf(bytes: Uint8Array): string {
  const mark = `${bytes[0]},${bytes[1]}`;
  return mark === '255,254' ? 'utf-16le' : mark === '254,255' ? 'utf-16be' : 'utf-8';
}

/** One file for all repositories, one for each policy. Throws AlreadyExists before anything is written. */
async function writeFolder(
  { directory }: CliContext,
  out: string,
  documents: readonly DraftDocument[],
): Promise<string[]> {
  const folder = resolve(directory, out);
  const places = documents.filter(({ kind }) => kind !== 'Policy');
  const texts = new Map(
    documents
      .filter(({ kind }) => kind === 'Policy')
      .map((document) => [`${document.name}.yaml`, writeDocuments([document])]),
  );
  if (places.length > 0)
    texts.set(texts.has('repositories.yaml') ? 'all-repositories.yaml' : 'repositories.yaml', writeDocuments(places));
  const taken = [...texts.keys()].filter(
    (name) => statSync(join(folder, name), { throwIfNoEntry: false }) !== undefined,
  );
  if (taken.length > 0)
    throw new HoldfastError('AlreadyExists', `${join(out, taken[0]!)} is there already; nothing was written`, {
      hint: 'name another folder',
    });
  await mkdir(folder, { recursive: true });
  const written: string[] = [];
  for (const [name, text] of texts) {
    const path = join(folder, name);
    await writeFile(path, text, { flag: 'wx' });
    written.push(relative(directory, path));
  }
  return written;
}

const COLUMNS = [{ heading: 'Where' }, { heading: 'What' }, { heading: 'Why, and what to do' }];
const HEADINGS = {
  decide: 'For you to decide:',
  dropped: 'No counterpart:',
  unneeded: 'Not needed:',
} as const;

function tell(context: CliContext, imported: Imported, out: string | undefined, written: string[] | undefined): void {
  const { output } = context;
  const { files, documents, notes } = imported;
  const policies = documents.filter(({ kind }) => kind === 'Policy');
  if (context.json)
    return output.json({
      files,
      ...(written === undefined ? { policies: writeDocuments(documents) } : { written }),
      documents: documents.map(({ kind, name, isOpen = false }) => ({ kind, name, open: isOpen })),
      notes,
    });
  if (written === undefined) output.line(writeDocuments(documents).trimEnd());
  for (const file of written ?? []) output.say(`wrote ${file}`);
  for (const kind of ['decide', 'dropped', 'unneeded'] as const) {
    const told = notes.filter((note) => note.kind === kind);
    if (told.length === 0) continue;
    output.note(HEADINGS[kind]);
    const rows = told.map(({ file, line, key, message }) => [`${file}:${line}`, displayText(key), message]);
    for (const line of renderTable(COLUMNS, rows)) output.note(line);
    output.note('');
  }
  const open = policies.filter(({ isOpen }) => isOpen === true).length;
  output.note(
    `${count(policies.length - open, 'policy', 'policies')} from ${files.map(({ file, program }) => `${file} (${program})`).join(', ')}${open === 0 ? '' : `; ${open} more lack something and are comments`}`,
  );
  tellNext(context, imported, out ?? 'policies');
}

function tellNext({ output }: CliContext, { files, documents }: Imported, out: string): void {
  const programs = [...new Set(files.map(({ program }) => program))].join(', ');
  output.note(`\nNow:\n  holdfast validate ${out}`);
  for (const { kind, name, spec, isOpen } of documents) {
    if (kind !== 'Policy' || isOpen === true) continue;
    for (const { to } of spec['backup'] as { to: string }[])
      if (!to.endsWith('-restic'))
        output.note(`  holdfast adopt --policies ${out} --repository ${to} --policy ${name} --dry-run`);
  }
  output.note(
    `and, when the policies are in force, switch off the schedules of ${programs}: two programs would do the same work.`,
  );
}
