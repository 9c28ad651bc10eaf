package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/cmd/internal/commandline"
)

// A serverFlag has its default also from a variable of the environment. Its help takes one line.
type serverFlag struct {
	*cli.StringFlag
	value string // names its value in the help
}

func newServerFlag(name, env, value, standard, usage string) cli.Flag {
	return serverFlag{&cli.StringFlag{Name: name, Value: standard, EnvVars: []string{env}, Usage: usage}, value}
}

// ValueName returns what names the value in the reference.
func (f serverFlag) ValueName() string { return f.value }

// String returns the line of the help that shows the flag.
func (f serverFlag) String() string {
	return fmt.Sprintf("--%s %s\t%s [%s]", f.Name, f.value, f.Usage, f.EnvVars[0])
}

// serverFlags returns the flags that say where the server is, and as whom it is asked.
func serverFlags() []cli.Flag {
	return []cli.Flag{
		newServerFlag("address", "TEMPORAL_ADDRESS", "SERVER", "127.0.0.1:7233", "the server, HOST:PORT"),
		newServerFlag("namespace", "TEMPORAL_NAMESPACE", "NAME", "default", "its namespace"),
		newServerFlag("api-key-file", "TEMPORAL_API_KEY_FILE", "FILE", "", "a file with the API key"),
		newServerFlag("tls-ca", "TEMPORAL_TLS_CA", "FILE", "", "its authorities; turns TLS on"),
		newServerFlag("tls-cert", "TEMPORAL_TLS_CERT", "FILE", "", "own certificate"),
		newServerFlag("tls-key", "TEMPORAL_TLS_KEY", "FILE", "", "its key"),
		newServerFlag("tls-server-name", "TEMPORAL_TLS_SERVER_NAME", "NAME", "", "what it is called"),
		newServerFlag("encryption-key", "BAYPLAN_ENCRYPTION_KEY", "FILE", "", "encrypt all"),
	}
}

// planFlags returns the flags of the commands that read a plan.
func planFlags() []cli.Flag {
	return slices.Concat([]cli.Flag{commandline.FileFlag()}, commandline.VarFlags(), serverFlags())
}

// runFlags returns the flags of run.
func runFlags() []cli.Flag {
	return append(planFlags(),
		&cli.StringFlag{Name: "centre", Value: "centre", Usage: "the `SITE` of steps that name none"},
		commandline.NewRepeated("wave", "PATTERN", "sites that begin together"),
		&cli.IntFlag{Name: "max-failures", Value: -1, DefaultText: "all", Usage: "no wave after more than `N` failed sites"},
		commandline.LockedFlag(),
		&cli.DurationFlag{Name: "patience", Value: 7 * 24 * time.Hour, DefaultText: "168h", Usage: "wait so long for a worker, `TIME`"},
		&cli.DurationFlag{Name: "silence", Value: 2 * time.Minute, DefaultText: "2m", Usage: "give a silent worker up after `TIME`"},
		commandline.JSONFlag(),
		commandline.QuietFlag(),
		commandline.CIFlags()[0], commandline.CIFlags()[1],
		commandline.PageFlag(),
		commandline.MetricsFlag(),
	)
}

// workerFlags returns the flags of worker.
func workerFlags() []cli.Flag {
	return append([]cli.Flag{
		&cli.StringFlag{Name: "site", Usage: "the site, `NAME`"},
		&cli.StringFlag{Name: "dir", Value: ".", DefaultText: "here", Usage: "keep the plans in `DIR`"},
		&cli.StringFlag{Name: "state-dir", Usage: "keep the states in `DIR` (default: by each plan)"},
		&cli.StringFlag{Name: "connections", Usage: "use the connections of `FILE`, not the plans'"},
		&cli.IntFlag{Name: "parallel", Value: 4, Usage: "do at most `N` steps at a time"},
		&cli.BoolFlag{Name: "runs", Usage: "also advance runs, so that they need no \"run\""},
	}, serverFlags()...)
}
