import * as z from 'zod';
import { command, type Command } from '../command.ts';
import { bash } from './bash.ts';
import { fish } from './fish.ts';
import { zsh } from './zsh.ts';

const scripts = { bash, zsh, fish };

/** The verb that prints what teaches a shell the words of a program; both programs have it. */
export const completion = (program: string): Command =>
  command({
    words: { shell: { type: 'string', describe: 'the shell', choices: Object.keys(scripts) } },
    flags: {},
    examples: [
      [`source <(${program} completion bash)`, 'in ~/.bashrc'],
      [`source <(${program} completion zsh)`, 'in ~/.zshrc, after compinit'],
      [`${program} completion fish | source`, 'in ~/.config/fish/config.fish'],
    ],
    schema: z.object({ shell: z.literal(['bash', 'zsh', 'fish']) }),
    run({ shell }, terminal) {
      terminal.print(scripts[shell](program));
      return Promise.resolve('done');
    },
  });
