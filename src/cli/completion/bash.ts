/**
 * Completion for bash 4.4 and newer. The line goes to the program as it was typed, so that nothing of it is expanded or run.
 * What bash takes for words of its own, at each `=`, is not repeated in the answer.
 */
export const bash = (
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
