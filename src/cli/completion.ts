import * as z from 'zod';
import { command } from './command.ts';
import type { Command } from './manual.ts';

/**
 * Completion for bash 4.4 and newer. The program gets the line as it was typed, so that nothing in it is expanded or run. Bash
 * splits words at each `=`, so the part before it is removed from the answer.
 */
const bash = (
  program: string,
): string => `# Completion of ${program} for bash: source <(${program} completion bash)
_${program}() {
  local -a lines
  mapfile -t lines < <(command ${program} complete bash -- "\${COMP_LINE:0:COMP_POINT}" 2>/dev/null)
  case \${lines[0]-} in
    files) compopt -o default ;;
    folders) compopt -o dirnames ;;
  esac
  COMPREPLY=("\${lines[@]:1}")
  COMPREPLY=("\${COMPREPLY[@]%%$'\\t'*}")
  [[ $COMP_WORDBREAKS != *=* ]] || COMPREPLY=("\${COMPREPLY[@]#--*=}")
}
complete -F _${program} ${program}
`;

/** Completion for fish 3 and newer. `commandline -o` removes quotes, and neither expands nor runs their contents. */
const fish = (
  program: string,
): string => `# Completion of ${program} for fish: ${program} completion fish > ~/.config/fish/completions/${program}.fish
function __${program}_complete
    set -l words (commandline -opc)
    set -l word (commandline -ct)
    set -l lines (command ${program} complete fish -- $words[2..-1] "$word" 2>/dev/null)
    set -l start (string match -r -- '^--[^=]*=' "$word")
    set -l value (string replace -r -- '^--[^=]*=' '' "$word")
    switch "$lines[1]"
        case files
            __fish_complete_path "$value" | string replace -r -- '^' "$start"
        case folders
            __fish_complete_directories "$value" | string replace -r -- '^' "$start"
        case '*'
            printf '%s\\n' $lines[2..-1]
    end
end
complete -c ${program} -f -a '(__${program}_complete)'
`;

/**
 * Completion for zsh, to be sourced after compinit, or stored as `_flockd` in a folder of fpath. `(Q)` removes quotes, and
 * neither expands nor runs their contents.
 */
const zsh = (program: string): string => `#compdef ${program}
# Completion of ${program} for zsh: source <(${program} completion zsh), or as _${program} in a folder of fpath
_${program}() {
  local -a lines
  lines=("\${(@f)$(command ${program} complete zsh -- "\${(@Q)words[2,CURRENT-1]}" "\${(Q)PREFIX}" 2>/dev/null)}")
  local paths=$lines[1]
  lines=("\${(@)lines[2,-1]/$'\\t'/:}")
  if [[ $paths == (files|folders) ]]; then
    compset -P 1 '--*='
    if [[ $paths == files ]]; then _files; else _files -/; fi
  else
    _describe ${program} lines
  fi
}
if [[ $funcstack[1] == _${program} ]]; then _${program} "$@"; else compdef _${program} ${program}; fi
`;

/** The completion script of a program for each shell. */
export const completions = { bash, zsh, fish };

/** The command `completion` of both programs. */
export const completion = (program: string): Command =>
  command({
    summary: 'Print the completion script for bash, zsh or fish',
    schema: z.object({
      shell: z.enum(['bash', 'zsh', 'fish']).meta({ positional: true, description: 'the shell' }),
    }),
    examples: [
      [`source <(${program} completion bash)`, 'in ~/.bashrc'],
      [`source <(${program} completion zsh)`, 'in ~/.zshrc, after compinit'],
      [`${program} completion fish | source`, 'in ~/.config/fish/config.fish'],
    ],
    run({ shell }, terminal) {
      terminal.print(completions[shell](program));
      return Promise.resolve('done');
    },
  });
