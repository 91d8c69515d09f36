/** Completion for fish 3 and newer. \`commandline -o\` takes quotes away, and neither expands nor runs what was in them. */
export const fish = (
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
