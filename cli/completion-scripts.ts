/** Writes the completion scripts of the shells from the commands as commander knows them. */
import type { Command, Option } from 'commander';

interface CompletedCommand {
  name: string;
  summary: string;
  options: Option[];
}

/** bash 4 and later; needs nothing of the bash-completion package. */
export function renderBashCompletion(program: Command): string {
  const commands = listCommands(program);
  const cases = commands.map(
    ({ name, options }) => `    ${name}) options=${quote(flagsOf([...options, ...program.options]).join(' '))} ;;`,
  );
  return `# bash completion of holdfast, made by: holdfast completion bash
_holdfast() {
  local current="\${COMP_WORDS[COMP_CWORD]}" command="" options=${quote(flagsOf(program.options).join(' '))} word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) ;; *) command="$word"; break ;; esac
  done
  case "$command" in
    "") COMPREPLY=($(compgen -W ${quote(commands.map(({ name }) => name).join(' '))}" $options" -- "$current")); return ;;
${cases.join('\n')}
  esac
  case "$current" in
    -*) COMPREPLY=($(compgen -W "$options" -- "$current")) ;;
    *) COMPREPLY=() ;;
  esac
}
complete -o default -o bashdefault -F _holdfast holdfast`;
}

/** For a file named \`_holdfast\` in a folder of \`$fpath\`. */
export function renderZshCompletion(program: Command): string {
  const commands = listCommands(program);
  const names = commands.map(({ name, summary }) => `    ${quote(`${name}:${summary.replaceAll(':', '\\:')}`)}`);
  const cases = commands.map(({ name, options }) => {
    const specs = [...options, ...program.options].flatMap(zshSpecs);
    return `    ${name}) _arguments ${[...specs, quote('*:file:_files')].join(' ')} ;;`;
  });
  return `#compdef holdfast
# zsh completion of holdfast, made by: holdfast completion zsh
_holdfast() {
  local -a commands
  commands=(
${names.join('\n')}
  )
  local line state
  _arguments -C ${program.options.flatMap(zshSpecs).join(' ')} ${quote('1: :->command')} ${quote('*:: :->arguments')}
  case $state in
    command) _describe -t commands 'holdfast command' commands ;;
    arguments)
  case $line[1] in
${cases.join('\n')}
  esac ;;
  esac
}
if [ "$funcstack[1]" = "_holdfast" ]; then _holdfast "$@"; else compdef _holdfast holdfast; fi`;
}

export function renderFishCompletion(program: Command): string {
  const commands = listCommands(program);
  const lines = ['# fish completion of holdfast, made by: holdfast completion fish'];
  lines.push(...program.options.map((option) => `complete -c holdfast ${fishOption(option)}`));
  for (const { name, summary, options } of commands) {
    lines.push(`complete -c holdfast -n __fish_use_subcommand -f -a ${name} -d ${quote(summary)}`);
    lines.push(
      ...options.map(
        (option) => `complete -c holdfast -n ${quote(`__fish_seen_subcommand_from ${name}`)} ${fishOption(option)}`,
      ),
    );
  }
  return lines.join('\n');
}

function listCommands(program: Command): CompletedCommand[] {
  return program.commands.map((command) => ({
    name: command.name(),
    summary: command.summary(),
    options: command.options.filter((option) => !option.hidden),
  }));
}

function flagsOf(options: readonly Option[]): string[] {
  return options.flatMap((option) => [option.long, option.short].filter((flag) => flag !== undefined && flag !== null));
}

function takesValue(option: Option): boolean {
  return option.required || option.optional;
}

function zshSpecs(option: Option): string[] {
  const text = option.description.replaceAll(/[[\]:]/g, '\\$&');
  return flagsOf([option]).map((flag) => quote(`*${flag}[${text}]${takesValue(option) ? ':value:_files' : ''}`));
}

function fishOption(option: Option): string {
  const parts = [];
  if (option.long) parts.push(`-l ${option.long.slice(2)}`);
  if (option.short) parts.push(`-s ${option.short.slice(1)}`);
  if (takesValue(option)) parts.push('-r');
  parts.push(`-d ${quote(option.description)}`);
  return parts.join(' ');
}

/** Single quotes: the three shells read nothing in them. A quote within closes, is escaped, and opens again. */
function quote(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
