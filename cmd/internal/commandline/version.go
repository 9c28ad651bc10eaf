package commandline

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/cmd/internal/document"
)

// VersionOf returns the version of a release, or without one the version that the binary was
// built from.
func VersionOf(release string) string {
	if release != "" {
		return release
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}

// VersionCommand returns the command that prints the version.
func (p *Program) VersionCommand() *cli.Command {
	return &cli.Command{
		Name:  "version",
		Usage: "print the version",
		Flags: []cli.Flag{JSONFlag()},
		Action: func(c *cli.Context) error {
			if c.Bool("json") {
				return p.PrintDocument(document.Version{Version: p.Version, Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH})
			}
			_, err := fmt.Fprintf(p.Stdout, "%s %s %s %s/%s\n", p.Name, p.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}
