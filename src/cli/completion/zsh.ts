/**
 * Completion for zsh, to be sourced after compinit, or to be found by it as \`_flockd\` in a folder of fpath. \`(Q)\` takes quotes
 * away, and neither expands nor runs what was in them.
 */
export const zsh = (program: string): string => `#compdef ${program}
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
