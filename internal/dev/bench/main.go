// Command bench compares the speed of bayplan with that of other tools. For each
// kind of work it prints one table and which goals are met. It runs bayplan as a
// program, like the other tools.
//
// Mirror is compared with tools that copy lists of images, and with a yardstick
// that sends the fewest requests that the protocol allows.
//
// Many measures a mirror of 5,000 tiny images between distant registries.
//
// Resets compares tools that copy one large layer over a line that resets.
//
// Select measures how long it takes to choose 3 of 500 tags in each of 200 repositories.
//
// Sites measures one plan that bayplan-temporal carries to 200 sites behind thin lines.
//
// Spread measures when a registry has all images while a slow one gets them, too.
//
// Untar is compared with GNU tar and sync.
//
// Upload is compared with curl, which sends the same file to the same Glance.
//
// Run it from the top of the repository, preferably with `make bench`. The
// environment sets:
//
//	BENCH_ONLY    names of the comparisons to run (all)
//	BENCH_DIR     directory of the set, the tools and the registries (the user's cache directory)
//	BENCH_BAYPLAN the bayplan to measure (built from this repository)
//	BENCH_BEFORE  an older bayplan: mirror and many measure it in the same runs
//	BENCH_RUNS    number of timed runs of each tool (5)
//	BENCH_STRICT  1: fail if a goal is missed or a tool cannot be measured
//
// and for mirror:
//
//	BENCH_TOOLS   names of the tools to run (all)
//	BENCH_LINE    delay and rate in Mbit/s of the line to a distant source (30ms/400), or "none"
//	BENCH_FAR     names of the tools to run with the distant source (those that move each layer once)
//
// Run nothing else at the same time, and remove no large number of files in the
// five minutes before: see child.Registry.
//
// Requests are counted in separate runs, through counting proxies. Times are
// measured without proxies. CPU counts the processes of the tool, not those of
// the registries. Memory is the peak of the tool's largest process, and at least
// the memory of this program, about 14 MiB.
package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/bayplan/bayplan/internal/dev/bench/child"
	"github.com/bayplan/bayplan/internal/dev/bench/counter"
	"github.com/bayplan/bayplan/internal/dev/bench/line"
	"github.com/bayplan/bayplan/internal/dev/bench/measure"
	"github.com/bayplan/bayplan/internal/dev/bench/tagserver"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run runs the benchmark or, with arguments, one of its helper processes.
func run(ctx context.Context, args []string) error {
	switch {
	case len(args) == 0:
		return compare(ctx)
	case args[0] == "seed" && len(args) == 3:
		return seed(ctx, args[1], 1<<20, args[2])
	case args[0] == "tags" && len(args) == 1:
		return tagserver.Serve(ctx, os.Stdin, os.Stdout)
	case args[0] == "many" && len(args) == 2:
		images := manyImages()
		if args[1] == "empty" {
			images = nil
		}
		return serveMany(ctx, images, os.Stdin, os.Stdout)
	case args[0] == "seed-resets" && len(args) == 3:
		return seedResets(ctx, args[1], args[2])
	case args[0] == "resets" && len(args) == 4:
		return line.RunResetting(ctx, args[1:], os.Stdin, os.Stdout)
	case args[0] == "yardstick" && len(args) == 4:
		set, err := loadContents(args[3])
		if err != nil {
			return err
		}
		return copyAll(ctx, args[1], args[2], set.Images)
	case args[0] == "touch" && len(args) == 1:
		return measure.TouchMemory()
	case args[0] == "count" && len(args) == 2:
		return counter.Run(ctx, args[1], os.Stdin, os.Stdout)
	case args[0] == "line" && len(args) == 4:
		l, err := line.Parse(args[1], args[2], args[3])
		if err != nil {
			return err
		}
		return line.Run(ctx, l, os.Stdin, os.Stdout)
	}
	return fmt.Errorf("unknown arguments %q", args)
}

func compare(ctx context.Context) error {
	if _, err := os.Stat(child.RegistryScript); errors.Is(err, fs.ErrNotExist) {
		return errors.New("this is not the top of the repository")
	}
	var err error
	b := &bench{log: os.Stderr}
	if b.options, err = optionsFrom(os.Getenv); err != nil {
		return err
	}
	if b.self, err = os.Executable(); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(b.dir, "bin"), 0o755); err != nil {
		return err
	}
	return b.run(ctx, os.Stdout, comparisons())
}

// optionsFrom reads the options from the environment.
func optionsFrom(getenv func(string) string) (options, error) {
	o := options{dir: getenv("BENCH_DIR"), runs: 5, strict: getenv("BENCH_STRICT") == "1"}
	if o.dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return o, err
		}
		o.dir = filepath.Join(cache, "bayplan-bench")
	}
	var err error
	if o.dir, err = filepath.Abs(o.dir); err != nil {
		return o, err
	}
	for variable, to := range map[string]*string{"BENCH_BAYPLAN": &o.bayplan, "BENCH_BEFORE": &o.before} {
		if program := getenv(variable); program != "" {
			if *to, err = filepath.Abs(program); err != nil {
				return o, err
			}
		}
	}
	if text := getenv("BENCH_RUNS"); text != "" {
		if o.runs, err = strconv.Atoi(text); err != nil || o.runs < 1 {
			return o, fmt.Errorf("BENCH_RUNS: %q is not a number of runs", text)
		}
	}
	if o.only, err = namesFrom(getenv, "BENCH_ONLY", comparisonNames(), comparisonNames()); err != nil {
		return o, err
	}
	if o.tools, err = namesFrom(getenv, "BENCH_TOOLS", toolNames(), toolNames()); err != nil {
		return o, err
	}
	if o.far, err = namesFrom(getenv, "BENCH_FAR", toolNames(), []string{yardstickName, bayplanName, skopeoName}); err != nil {
		return o, err
	}
	o.delay, o.rate, err = line.ParseSetting(getenv("BENCH_LINE"))
	return o, err
}

// namesFrom reads a list of names from a variable. Each must be in all. Without
// the variable it returns the fallback.
func namesFrom(getenv func(string) string, variable string, all, fallback []string) ([]string, error) {
	names := strings.Fields(strings.ReplaceAll(getenv(variable), ",", " "))
	if len(names) == 0 {
		return fallback, nil
	}
	for _, n := range names {
		if !slices.Contains(all, n) {
			return nil, fmt.Errorf("%s: %q is not one of %s", variable, n, strings.Join(all, ", "))
		}
	}
	return names, nil
}

func comparisonNames() []string {
	var names []string
	for _, c := range comparisons() {
		names = append(names, c.name)
	}
	return names
}

func toolNames() []string {
	var names []string
	for _, t := range tools() {
		names = append(names, t.name)
	}
	return names
}
