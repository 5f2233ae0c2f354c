import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { HoldfastError } from '../../common/errors.ts';
import { compile } from '../../domain/compile.ts';
import { findCrossFieldProblems } from '../../domain/cross-field-rules.ts';
import { importFiles, type Imported, type ImportFile } from '../../foreign/import-files.ts';
import { writeDocuments } from '../../foreign/write-documents.ts';
import { loadPolicies } from '../../schemas/load-policies.ts';
import { memoryPolicyFiles } from '../schemas/memory-policy-files.ts';

const INPUTS = {
  'profiles.conf': '/etc/resticprofile/profiles.conf',
  'profiles.yaml': '/etc/resticprofile/profiles.yaml',
  'profiles.json': '/etc/resticprofile/profiles.json',
  '.autorestic.yml': '/home/anna/.autorestic.yml',
  'borgmatic.yaml': '/etc/borgmatic/config.yaml',
  'old-borgmatic.yaml': '/etc/borgmatic.d/laptop.yaml',
};

const surroundings = { home: '/home/anna', timezone: 'Europe/Berlin', isFile: () => false };

function inputOf(name: keyof typeof INPUTS): ImportFile {
  return { file: name, path: INPUTS[name], text: readFileSync(new URL(`inputs/${name}`, import.meta.url), 'utf8') };
}

/** All that a person sees of it, but for the layout. */
function shown({ documents, notes, files }: Imported): string {
  const told = notes.map(({ kind, file, line, key, message }) => `${kind} ${file}:${line} ${key}: ${message}\n`);
  return `${files.map(({ file, program }) => `${file} is of ${program}\n`).join('')}${told.join('')}---\n${writeDocuments(documents)}`;
}

/** What `holdfast validate` finds wrong. */
async function errorsIn(text: string): Promise<string[]> {
  const { documents, misshapen, names, problems } = await loadPolicies(
    ['policies'],
    memoryPolicyFiles({ 'imported.yaml': text }),
  );
  const environment = {
    stateDirectory: '/state',
    digest: (part: string) => hash('sha256', part),
    readScript: () => '',
  };
  return [
    ...problems,
    ...findCrossFieldProblems(documents, names, misshapen),
    ...compile(documents, environment).problems,
  ].flatMap(({ severity, message }) => (severity === 'error' ? [message] : []));
}

const textFile = (file: string, text: string): ImportFile => ({ file, path: `/etc/backup/${file}`, text });
const importText = (file: string, text: string): Promise<Imported> => importFiles([textFile(file, text)], surroundings);

test.each(Object.keys(INPUTS) as (keyof typeof INPUTS)[])(
  '%s becomes valid policies without a secret',
  async (name) => {
    const imported = await importFiles([inputOf(name)], surroundings);
    const text = shown(imported);
    await expect(text).toMatchFileSnapshot(`expected/${name.replace(/^\./, '')}.txt`);
    expect(await errorsIn(writeDocuments(imported.documents))).toEqual([]);
    // Each input holds passwords, in every place that the formats have for them.
    expect(text).not.toContain('hunter2');
    expect(text).not.toContain('AKIAEXAMPLE');
  },
);

test('several files make one folder: what they share is one repository, names stay unique', async () => {
  const names = ['profiles.conf', '.autorestic.yml', 'borgmatic.yaml', 'old-borgmatic.yaml'] as const;
  const imported = await importFiles(names.map(inputOf), surroundings);
  expect(imported.files.map(({ program }) => program)).toEqual([
    'resticprofile',
    'autorestic',
    'borgmatic',
    'borgmatic',
  ]);
  expect(await errorsIn(writeDocuments(imported.documents))).toEqual([]);
  const twice = await importFiles([inputOf('profiles.json'), inputOf('profiles.json')], surroundings);
  expect(twice.documents.map(({ kind, name }) => `${kind}/${name}`)).toEqual([
    'Location/backup',
    'Repository/backup',
    'Policy/default',
    'Policy/default-2',
  ]);
});

test('files of resticprofile that refer to each other are one configuration', async () => {
  const { documents } = await importFiles(
    [
      textFile(
        'profiles.toml',
        'includes = ["parts.toml"]\n[web]\ninherit = "base"\n[web.backup]\nsource = "/var/www"\n',
      ),
      {
        ...textFile('parts.toml', '[base]\nrepository = "/mnt/vault"\npassword-file = "key"\n'),
        path: '/elsewhere/parts.toml',
      },
    ],
    surroundings,
  );
  expect(documents.map(({ kind, name }) => `${kind}/${name}`)).toEqual([
    'Location/vault',
    'Repository/vault',
    'Policy/web',
  ]);
  expect(documents[1]?.spec).toMatchObject({ passwordFrom: { file: '/etc/backup/key' } });
});

test('whatever nobody reads of a file is listed with its line', async () => {
  const imported = await importText(
    'profiles.conf',
    'surprise = 1\n[a]\nrepository = "/r"\nnovelty = [\n  "x",\n]\n[a.backup]\nsource = "/srv"\n"odd key" = true\n[a.newcommand]\nx = 1\n',
  );
  expect(imported.notes.map(({ kind, line, key }) => `${kind} ${line} ${key}`)).toEqual([
    'dropped 1 surprise',
    'dropped 4 a.novelty',
    'dropped 9 a.backup.odd key',
    'dropped 10 a.newcommand',
  ]);
});

test.each([
  ['broken.yaml', 'a:\n  b: "hunter2\n', 'broken.yaml:3 is not valid YAML'],
  ['broken.toml', '[a]\nb = hunter2\n', 'broken.toml:2 is not valid TOML'],
  ['list.yaml', '- 1\n', 'list.yaml is no configuration'],
  ['other.yaml', 'services:\n  web: { image: nginx }\n', 'other.yaml is none of the files'],
  [
    'loop.toml',
    '[a]\ninherit = "b"\n[b]\ninherit = "a"\n',
    'loop.toml:4: the profile b inherits from a, which is its own child',
  ],
  ['orphan.toml', '[a]\ninherit = "b"\n', 'orphan.toml:2: the profile a inherits from b, which is not there'],
  ['gone.yaml', 'a:\n  {{ template "x" . }}\n', 'gone.yaml:2 has a template that is not there'],
  [
    'round.yaml',
    '{{ define "x" }}\n{{ template "x" . }}\n{{ end }}\na: 1\n{{ template "x" }}\n',
    'has a template that is not there',
  ],
  ['made.yaml', 'a:\n{{ range .List }}\n  x: 1\n{{ end }}\n', 'made.yaml:2 has a template (range)'],
])('%s is refused with its place, and none of its text', async (file, text, message) => {
  const error = await importText(file, text).then(
    () => undefined,
    (thrown: Error) => thrown,
  );
  expect(error?.message).toContain(message);
  expect(error?.message).not.toContain('hunter2');
});

test('aliases that explode end, and do not hang', async () => {
  const levels = Array.from(
    { length: 12 },
    (_, at) => `a${at}: &a${at} [${Array(10).fill(at === 0 ? 'x' : `*a${at - 1}`)}]\n`,
  );
  await expect(importText('bomb.yaml', levels.join(''))).rejects.toThrow('is not valid YAML of a configuration');
});

test('templates: parts are put in where they are called, and keep their lines; variables of the file are written out', async () => {
  const { documents, notes } = await importText(
    'profiles.yaml',
    [
      '{{ define "parts" }}',
      '    exclude: "*.{{ .Profile.Name }}"',
      '    novelty: 1',
      '{{ end }}',
      '{{ $disk := "/mnt/disk" }}',
      'photos:',
      '  repository: "local:{{ $disk }}/{{ .Profile.Name }}" {{/* a comment */}}',
      '  backup:',
      '    source: {{ .Env.HOME }}/Photos',
      '    {{ template "parts" . }}',
      '    tag: "{{ .Now.Weekday }}"',
      '',
    ].join('\n'),
  );
  expect(documents.map(({ spec }) => spec)).toMatchObject([
    { local: { path: '/mnt/disk/photos' } },
    {},
    { source: { directory: '/home/anna/Photos', exclude: ['*.photos'] } },
  ]);
  expect(notes.map(({ kind, line, key }) => `${kind} ${line} ${key}`)).toEqual([
    'dropped 3 photos.backup.novelty',
    'decide 11 photos.backup.tag',
  ]);
});

test('inheritance: format 1 merges lists by place, format 2 replaces them or adds to them', async () => {
  const sources = async (version: number, child: string): Promise<unknown> => {
    const profiles = `p: { repository: /r, backup: { source: [/a, /b] } }\nc: { inherit: p, backup: { ${child} } }\n`;
    const text = version === 1 ? profiles : `version: "2"\nprofiles:\n${profiles.replaceAll(/^/gm, '  ').trimEnd()}\n`;
    const { documents } = await importText('p.yaml', text);
    const { directory, directories } = documents.at(-1)!.spec['source'] as Record<string, unknown>;
    return directories ?? directory;
  };
  expect(await sources(1, 'source: [/c]')).toEqual(['/c', '/b']);
  expect(await sources(2, 'source: [/c]')).toEqual('/c');
  expect(await sources(2, 'source...: /c')).toEqual(['/a', '/b', '/c']);
  expect(await sources(2, 'source__PREPEND: /c')).toEqual(['/c', '/a', '/b']);
});

test('whatever is done to a file, it is imported or refused, at once and without a secret', async () => {
  const texts = Object.keys(INPUTS).map((name) => inputOf(name as keyof typeof INPUTS));
  const pieces = fc.constantFrom(
    '',
    '\n',
    ' ',
    '"',
    "'",
    '[',
    '{',
    '}',
    ']',
    ':',
    '*a',
    '&a ',
    '- ',
    '{{',
    '}}',
    '# ',
    '0',
    '\t',
    '<<: *rules',
    'true',
    'null',
    '\u0000',
    '[x]\n',
    '=',
  );
  const edits = fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat({ max: 40 }), pieces), {
    minLength: 1,
    maxLength: 4,
  });
  const started = performance.now();
  let refused = 0;
  let imported = 0;
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...texts), edits, async (input, changes) => {
      let { text } = input;
      for (const [where, length, piece] of changes) {
        const at = Math.floor(where * text.length);
        text = text.slice(0, at) + piece + text.slice(at + length);
      }
      try {
        const result = await importFiles([{ ...input, text }], surroundings);
        imported++;
        // A cut through the key may make anything of its value; what is told of it names keys alone.
        for (const { message } of result.notes) expect(message).not.toContain('hunter2');
      } catch (error) {
        expect(error).toBeInstanceOf(HoldfastError);
        expect((error as HoldfastError).code).toBe('Usage');
        expect((error as HoldfastError).message).not.toContain('hunter2');
        refused++;
      }
    }),
    { seed: 6, numRuns: 1500 },
  );
  expect(Math.min(refused, imported)).toBeGreaterThan(100);
  expect(performance.now() - started).toBeLessThan(60_000);
}, 90_000);

const toldOf = ({ notes }: Imported): string[] =>
  notes.map(({ kind, line, key, message }) => `${kind} ${line} ${key}: ${message}`);

test('groups, and profiles that back nothing up, are told; what these do to a repository stays', async () => {
  const imported = await importText(
    'profiles.yaml',
    `version: '2'
groups:
  nightly:
    profiles: [web, mail]
    run-before: echo hunter2
    schedules: { backup: '*-*-* 02:30:00' }
profiles:
  web: { repository: /srv/restic, password-file: pw, backup: { source: /var/www } }
  care:
    repository: /srv/restic
    password-file: pw
    run-after: echo hunter2
    check: { schedule: 'Sun 05:00' }
    forget: { schedule: daily, keep-last: 3 }
    prune: { schedule: 'Sat 05:00', run-before: echo hunter2 }
  idle: { repository: /srv/other, password-file: pw }
`,
  );
  const hooks = 'a shell command is not copied: write it as a script and name it in hooks:, which is not built yet';
  expect(toldOf(imported)).toEqual([
    'dropped 3 groups.nightly: a group runs its profiles one after the other, perhaps by a timer that does not stand here: each policy has its own schedule (every:, at: or cron:)',
    'dropped 3 groups.nightly: no profile here is named mail: give its file to the same import',
    `dropped 5 groups.nightly.run-before: ${hooks}`,
    'dropped 9 care: it backs nothing up: no policy is made of it, and what it does to its repository stands in "restic"',
    `dropped 12 care.run-after: ${hooks}`,
    'dropped 14 care.forget.schedule: each policy has its own retention, and forgets by it',
    `dropped 15 care.prune.run-before: ${hooks}`,
    'dropped 16 idle: it backs nothing up: no policy is made of it',
  ]);
  const specs = Object.fromEntries(imported.documents.map(({ kind, name, spec }) => [`${kind}/${name}`, spec]));
  expect(Object.keys(specs)).toEqual(['Location/restic', 'Repository/restic', 'Policy/web']);
  expect(specs['Policy/web']).toMatchObject({ backup: [{ to: 'restic', every: '1d', at: '02:30' }] });
  expect(specs['Repository/restic']).toMatchObject({
    check: { every: '7d', day: 'sunday', at: '05:00' },
    prune: { every: '7d', day: 'saturday', at: '05:00' },
  });
});

test('of autorestic, copies to what is not there are told, unknown options for all, and that nothing was forgotten unasked', async () => {
  const imported = await importText(
    '.autorestic.yml',
    `version: 2
global: { forget: { keep-daily: 7 }, backup: { tag: all }, cron: '@daily' }
backends: { b: { type: local, path: /srv/b } }
locations:
  home: { from: /home, to: b, copy: { b: [c] } }
  etc: { from: /etc, to: b, forget: 'yes' }
`,
  );
  expect(toldOf(imported)).toEqual([
    'dropped 2 global.cron: holdfast has no counterpart',
    'decide 5 locations.home.copy: the copy from b to c is left out: one of them has no counterpart',
    'decide 5 locations.home.options: it forgot only when it was told to (autorestic forget); the policy does so each day',
  ]);
});
