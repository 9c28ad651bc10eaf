package main

import (
	"io"

	"github.com/urfave/cli/v2"
)

// The scripts ask bayplan itself for the completions of the word at the cursor.
const (
	bashCompletion = `_bayplan() {
    local IFS=$'\n'
    COMPREPLY=($("${COMP_WORDS[0]}" "${COMP_WORDS[@]:1:COMP_CWORD}" ` + completeFlag + ` 2>/dev/null))
}
complete -o default -F _bayplan bayplan
`
	zshCompletion = `#compdef bayplan
_bayplan() {
    local -a found
    found=("${(@f)$("${words[1]}" "${(@)words[2,CURRENT]}" ` + completeFlag + ` 2>/dev/null)}")
    found=("${(@)found:#}")
    if (( $#found )); then compadd -a found; else _files; fi
}
compdef _bayplan bayplan
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
			_, err := io.WriteString(p.stdout, script)
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
