// Command release makes what users install: archives, Debian and RPM packages, a container
// image, lists of components, and checksums. The same commit gives the same bytes, whoever
// builds it and wherever, with the same version of Go. It is a module of its own, so that
// bayplan does not depend on what makes packages.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var o options
	var platforms string
	flag.StringVar(&o.source, "source", "../../..", "the `DIR` of bayplan's repository")
	flag.StringVar(&o.out, "out", "", "write everything into `DIR`, which must not exist")
	flag.StringVar(&o.version, "version", "", "release `VERSION` (default: what git describe says)")
	flag.StringVar(&platforms, "platforms", "linux/amd64,linux/arm64,darwin/amd64,darwin/arm64", "build for `OS/ARCH,...`")
	flag.Parse()
	for _, name := range strings.Split(platforms, ",") {
		system, arch, _ := strings.Cut(name, "/")
		o.platforms = append(o.platforms, platform{system, arch})
	}
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}
