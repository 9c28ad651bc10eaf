package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/bayplan/bayplan/internal/dev/pinned"
)

// A tool is one of those that are compared.
type tool struct {
	name   string
	module string // PACKAGE@VERSION to install it from; "": it is there
	// command prepares the job's directory and gives what to run there.
	command func(j job) ([]string, error)
}

// A job is a list of images to be copied by one tool.
type job struct {
	dir          string // its own, the same for a cold run and the warm one after it
	program      string // the tool's
	source, dest string // hosts
	images       []entry
	set          string // file that lists the images with their digests
}

const (
	yardstickName = "yardstick"
	bayplanName   = "bayplan"
	skopeoName    = "skopeo"
)

// tools lists all, each run in its best ordinary way for a list of images.
// Those that copy one image per call run four at once.
func tools() []tool {
	return []tool{
		{name: yardstickName, command: yardstickCommand},
		{name: bayplanName, command: bayplanCommand},
		{name: skopeoName, command: skopeoCommand},
		{name: "crane", module: pinned.Crane, command: craneCommand},
		{name: "regctl", module: pinned.Regctl, command: regctlCommand},
		{name: "regsync", module: pinned.Regsync, command: regsyncCommand},
		{name: "oras", module: pinned.Oras, command: orasCommand},
	}
}

// install gives a tool's program. What is built is kept.
func (m *mirroring) install(ctx context.Context, t tool) (string, error) {
	switch {
	case t.name == yardstickName:
		return m.self, nil
	case t.name == skopeoName:
		return "skopeo", nil // by install.sh
	case t.name == bayplanName:
		return m.bayplan, nil
	}
	return pinned.Build(ctx, filepath.Join(m.dir, "bin"), t.module)
}

func yardstickCommand(j job) ([]string, error) {
	return []string{j.program, "yardstick", j.source, j.dest, j.set}, nil
}

// bayplanPlan copies no signatures, as the other tools copy none here.
const bayplanPlan = `apiVersion: bayplan/v1
name: bench
connections:
  registries:
    source: { host: "%s", tls: disabled }
    local: { host: "%s", tls: disabled }
steps:
  containers:
    type: mirror
    with: { images: images.yaml, to: local, signatures: ignore }
`

func bayplanCommand(j job) ([]string, error) {
	if err := j.write("bayplan.yaml", fmt.Sprintf(bayplanPlan, j.source, j.dest)); err != nil {
		return nil, err
	}
	list := "container_images:\n" + j.each(func(e entry) string {
		return fmt.Sprintf("- imagename: %s\n  push_destination: %s\n", e.at(j.source), j.dest)
	})
	return []string{j.program, "apply"}, j.write("images.yaml", list)
}

// skopeoCommand gives the destination the namespace: without it, sync drops
// that of the source.
func skopeoCommand(j job) ([]string, error) {
	list := fmt.Sprintf("%q:\n  tls-verify: false\n  images:\n", j.source) + j.each(func(e entry) string {
		return fmt.Sprintf("    %s: [%q]\n", e.Repository, e.Tag)
	})
	to := j.dest + "/" + filepath.Dir(j.images[0].Repository)
	return []string{
		j.program, "--insecure-policy", "sync", "--src", "yaml", "--dest", "docker",
		"--dest-tls-verify=false", "list.yaml", to,
	}, j.write("list.yaml", list)
}

func craneCommand(j job) ([]string, error) {
	return j.four("copy", "--insecure")
}

func regctlCommand(j job) ([]string, error) {
	return j.four("image", "copy", "--host", "reg="+j.source+",tls=disabled", "--host", "reg="+j.dest+",tls=disabled")
}

func orasCommand(j job) ([]string, error) {
	return j.four("copy", "--no-tty", "--from-plain-http", "--to-plain-http")
}

func regsyncCommand(j job) ([]string, error) {
	config := fmt.Sprintf("version: 1\ncreds:\n- { registry: %q, tls: disabled }\n- { registry: %q, tls: disabled }\n", j.source, j.dest) +
		"defaults: { parallel: 4 }\nsync:\n" + j.each(func(e entry) string {
		return fmt.Sprintf("- { source: %q, target: %q, type: image }\n", e.at(j.source), e.at(j.dest))
	})
	return []string{j.program, "once", "-c", "regsync.yaml"}, j.write("regsync.yaml", config)
}

// four runs the program for each image, with the image's source and target
// behind the arguments, four at once.
func (j job) four(args ...string) ([]string, error) {
	list := j.each(func(e entry) string { return e.at(j.source) + " " + e.at(j.dest) + "\n" })
	return append([]string{"xargs", "-a", "list", "-P", "4", "-n", "2", j.program}, args...), j.write("list", list)
}

func (j job) each(text func(entry) string) string {
	var b strings.Builder
	for _, e := range j.images {
		b.WriteString(text(e))
	}
	return b.String()
}

func (j job) write(name, text string) error {
	return os.WriteFile(filepath.Join(j.dir, name), []byte(text), 0o600)
}
