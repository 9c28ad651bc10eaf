package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/bayplan/bayplan/internal/dev/pinned"
)

// A tool is one of the compared programs.
type tool struct {
	name   string
	module string // PACKAGE@VERSION to install it from; "": nothing to install
	// command prepares the directory of the job and returns the command to run there.
	command func(j job) ([]string, error)
}

// A job is a list of images that one tool copies.
type job struct {
	dir          string // of this job alone; a cold run and its warm run share it
	program      string // the tool's
	source, dest string // hosts
	images       []entry
	set          string // file that lists the images with their digests
}

const (
	yardstickName = "yardstick"
	bayplanName   = "bayplan"
	beforeName    = "before" // an older bayplan
	skopeoName    = "skopeo"
)

// tools lists all tools. Each copies a list of images in its best documented way.
// Tools that copy one image per call run four times in parallel.
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

// install returns the program of a tool. It keeps programs that it builds.
func (m *mirrorComparison) install(ctx context.Context, t tool) (string, error) {
	switch {
	case t.name == yardstickName:
		return m.self, nil
	case t.name == skopeoName:
		return "skopeo", nil // installed by install.sh
	case t.name == bayplanName:
		return m.bayplan, nil
	}
	return pinned.Build(ctx, filepath.Join(m.dir, "bin"), t.module)
}

func yardstickCommand(j job) ([]string, error) {
	return []string{j.program, "yardstick", j.source, j.dest, j.set}, nil
}

// bayplanPlan copies no signatures, because the other tools copy none here.
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
		return fmt.Sprintf("- imagename: %s\n  push_destination: %s\n", e.nameAt(j.source), j.dest)
	})
	return []string{j.program, "apply"}, j.write("images.yaml", list)
}

// skopeoCommand adds the namespace to the destination: sync drops that of the
// source.
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
	return j.runFour("copy", "--insecure")
}

func regctlCommand(j job) ([]string, error) {
	return j.runFour("image", "copy", "--host", "reg="+j.source+",tls=disabled", "--host", "reg="+j.dest+",tls=disabled")
}

func orasCommand(j job) ([]string, error) {
	return j.runFour("copy", "--no-tty", "--from-plain-http", "--to-plain-http")
}

func regsyncCommand(j job) ([]string, error) {
	config := fmt.Sprintf("version: 1\ncreds:\n- { registry: %q, tls: disabled }\n- { registry: %q, tls: disabled }\n", j.source, j.dest) +
		"defaults: { parallel: 4 }\nsync:\n" + j.each(func(e entry) string {
		return fmt.Sprintf("- { source: %q, target: %q, type: image }\n", e.nameAt(j.source), e.nameAt(j.dest))
	})
	return []string{j.program, "once", "-c", "regsync.yaml"}, j.write("regsync.yaml", config)
}

// runFour returns a command that runs the program for each image, four at a
// time. The source and the target of the image follow the arguments.
func (j job) runFour(args ...string) ([]string, error) {
	list := j.each(func(e entry) string { return e.nameAt(j.source) + " " + e.nameAt(j.dest) + "\n" })
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
