package main

import (
	"fmt"
	"runtime"

	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/cmd/internal/commandline"
	"github.com/bayplan/bayplan/cmd/internal/document"
)

// release is the version of a release. The linker sets it in make release.
var release string

// version returns the version that the binary was built from.
func version() string { return commandline.VersionOf(release) }

func (p *program) versionCommand() *cli.Command {
	return &cli.Command{
		Name:  "version",
		Usage: "print the version",
		Flags: []cli.Flag{commandline.JSONFlag()},
		Action: func(c *cli.Context) error {
			if c.Bool("json") {
				return p.PrintDocument(document.Version{Version: version(), Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH})
			}
			_, err := fmt.Fprintf(p.Stdout, "bayplan %s %s %s/%s\n", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}
