/** `holdfast doctor`: what this machine lacks, and the command that fixes it. */
import type { CliCommand } from './command.ts';
import { examineMachine, type Examination } from './examine-machine.ts';
import { ExitStatus } from './exit-status.ts';

export const command: CliCommand = {
  configure(command) {
    command.description(
      'Says what this machine lacks to run holdfast, and the command that fixes it. Exit status 7 when something needed is missing.',
    );
  },

  async run({ output, json, environment, directory }) {
    const examinations = await examineMachine({ environment, directory });
    const missing = examinations.filter(({ state }) => state === 'missing');
    if (json) output.json({ ready: missing.length === 0, examinations });
    else {
      for (const examination of examinations) for (const line of render(examination)) output.line(line);
      output.line();
      output.line(
        missing.length === 0 ? 'This machine is ready.' : `Missing: ${missing.map(({ name }) => name).join(', ')}.`,
      );
    }
    return missing.length === 0 ? ExitStatus.done : ExitStatus.needsAttention;

    function render({ name, state, detail, fix }: Examination): string[] {
      const { style } = output;
      const mark = { ok: style.good('ok     '), advice: style.warning('advice '), missing: style.bad('MISSING') }[
        state
      ];
      const lines = [`${mark}  ${name.padEnd(22)}  ${detail}`];
      if (fix !== undefined) lines.push(`${' '.repeat(33)}→ ${fix}`);
      return lines;
    }
  },
};
