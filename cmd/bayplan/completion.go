package main

import (
	"io"

	"github.com/urfave/cli/v2"
)

// The scripts ask bayplan itself for the completions of the word at the cursor.
const (
	//
	// bash splits words at the characters of COMP_WORDBREAKS, among them = and :, and
	// replaces the last part only. So the script puts the words together again, and takes
	// what is there already from the completions.
	bashCompletion = `_bayplan() {
    local line=$COMP_LINE words=() before= last word i
    for ((i = 0; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        last=$((${#words[@]} - 1))
        if ((i == 0)) || [[ $line == [[:space:]]* ]]; then
            words+=("$word")
            before=
        else
            before=${words[last]}
            words[last]+=$word
        fi
        line=${line#"${line%%[![:space:]]*}"}
        line=${line#"$word"}
    done
    [[ $word == [=:] ]] && before=${words[${#words[@]} - 1]}
    COMPREPLY=()
    while IFS= read -r word; do
        printf -v word %q "${word#"$before"}"
        COMPREPLY+=("$word")
    done < <("${words[@]}" ` + completeFlag + ` 2>/dev/null)
    if [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *= ]]; then
        compopt -o nospace 2>/dev/null
    fi
}
complete -o default -F _bayplan bayplan
`
	zshCompletion = `#compdef bayplan
_bayplan() {
    local -a found
    found=("${(@f)$("${words[1]}" "${(@)words[2,CURRENT]}" ` + completeFlag + ` 2>/dev/null)}")
    found=("${(@)found:#}")
    if (( ! $#found )); then
        _files
    elif [[ ${found[1]} == *= ]]; then
        compadd -S '' -a found
    else
        compadd -a found
    fi
}
if [[ ${funcstack[1]} == _bayplan ]]; then
    _bayplan "$@" # it was loaded for the first completion
else
    compdef _bayplan bayplan
fi
`
	fishCompletion = `function __bayplan
    set -l words (commandline -opc)
    set -l word (commandline -ct)
    $words[1] $words[2..-1] "$word" ` + completeFlag + ` 2>/dev/null
end
complete -c bayplan -a '(__bayplan)'
`
)

func (p *program) completionCommand() *cli.Command {
	shell := func(name, script string) *cli.Command {
		return &cli.Command{Name: name, Usage: "print the script for " + name, Action: func(*cli.Context) error {
			_, err := io.WriteString(p.Stdout, script)
			return err
		}}
	}
	return &cli.Command{
		Name:        "completion",
		Usage:       "print a script that completes bayplan's command line",
		Description: "In bash: source <(bayplan completion bash)",
		Subcommands: []*cli.Command{
			shell("bash", bashCompletion),
			shell("zsh", zshCompletion),
			shell("fish", fishCompletion),
		},
	}
}
