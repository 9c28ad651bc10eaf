package main

import (
	"fmt"
	"io"

	"github.com/urfave/cli/v2"
)

// The scripts ask bayplan itself what may come next.
const (
	bashCompletion = `_bayplan() {
    local words
    words=$("${COMP_WORDS[@]:0:$COMP_CWORD}" --generate-bash-completion 2>/dev/null | cut -d: -f1)
    COMPREPLY=($(compgen -W "$words" -- "${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _bayplan bayplan
`
	zshCompletion = `#compdef bayplan
_bayplan() {
    local -a words_
    words_=("${(@f)$("${(@)words[1,$CURRENT-1]}" --generate-bash-completion 2>/dev/null)}")
    _describe bayplan words_ || _files
}
compdef _bayplan bayplan
`
)

func (p *program) completionCommand() *cli.Command {
	shell := func(name string, write func(c *cli.Context) error) *cli.Command {
		return &cli.Command{Name: name, Usage: "print the script for " + name, Action: write}
	}
	text := func(script string) func(*cli.Context) error {
		return func(*cli.Context) error {
			_, err := io.WriteString(p.out, script)
			return err
		}
	}
	return &cli.Command{
		Name:  "completion",
		Usage: "print a script that completes bayplan's command line",
		Subcommands: []*cli.Command{
			shell("bash", text(bashCompletion)),
			shell("zsh", text(zshCompletion)),
			shell("fish", func(c *cli.Context) error {
				script, err := c.App.ToFishCompletion()
				if err != nil {
					return fmt.Errorf("make the script: %w", err)
				}
				return text(script)(c)
			}),
		},
	}
}
