package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"
)

type options struct {
	source, out string
	version     string // as git describe prints it; empty: what it prints
	platforms   []platform
}

// A platform is an operating system and a processor, as Go names them.
type platform struct{ os, arch string }

func (p platform) String() string { return p.os + "_" + p.arch }

// A release is what is made from one commit. Everything is made in a temporary directory.
type release struct {
	options
	commit    commit
	dir       string // temporary
	documents tree   // of the commit, which archives and packages have
}

// A built is the binary of a program for one platform.
type built struct {
	program
	platform
	generated tree   // manual and completion
	path      string // of the binary
	binary    []byte
	licences  tree // of all that is linked into it
}

// run makes a release. The directory of its results appears with the last of them.
func run(ctx context.Context, o options) error {
	if o.out == "" {
		return errors.New("-out is missing")
	}
	if _, err := os.Lstat(o.out); err == nil {
		return fmt.Errorf("%s is there already", o.out)
	}
	parent := filepath.Dir(filepath.Clean(o.out))
	dir, err := os.MkdirTemp(parent, ".release-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	r := &release{options: o, dir: dir}
	if r.commit, err = readCommit(ctx, o.source, o.version); err != nil {
		return err
	}
	if err := r.takeSource(ctx); err != nil {
		return err
	}
	results := filepath.Join(dir, "dist")
	if err := os.Mkdir(results, 0o755); err != nil {
		return err
	}
	if err := r.make(ctx, results); err != nil {
		return err
	}
	return os.Rename(results, o.out)
}

// takeSource copies the files that git tracks into the temporary directory, where everything
// is made of them. A file that git does not track is in no release.
func (r *release) takeSource(ctx context.Context) error {
	files, err := tracked(ctx, r.source)
	if err != nil {
		return err
	}
	r.source = filepath.Join(r.dir, "source")
	for _, f := range files {
		if err := writeFile(filepath.Join(r.source, f.name), f.data); err != nil {
			return err
		}
		if isDocument(f.name) {
			r.documents = append(r.documents, f)
		}
	}
	return nil
}

// make writes the results into a directory.
func (r *release) make(ctx context.Context, into string) error {
	var binaries []built // of bayplan
	for _, of := range []program{bayplan, temporal} {
		all, err := r.makeProgram(ctx, of, into)
		if err != nil {
			return err
		}
		if of.name == bayplan.name {
			binaries = all
		}
	}
	if err := r.writeImage(filepath.Join(into, "bayplan_"+r.commit.fileVersion()+"_oci.tar"), binaries); err != nil {
		return fmt.Errorf("container image: %w", err)
	}
	return writeSums(into)
}

// makeProgram writes the archives and packages of a program, and returns its binaries.
func (r *release) makeProgram(ctx context.Context, of program, into string) ([]built, error) {
	binaries, err := r.build(ctx, of)
	if err != nil {
		return nil, err
	}
	generated, err := r.generate(ctx, of)
	if err != nil {
		return nil, err
	}
	var group errgroup.Group
	for i := range binaries {
		b := &binaries[i]
		b.generated = generated
		group.Go(func() error { return r.write(filepath.Join(into, r.baseName(*b)), *b) })
	}
	return binaries, group.Wait()
}

// write writes all that is made for one platform, to files whose names begin with base.
func (r *release) write(base string, b built) error {
	if err := r.writeArchive(base+".tar.gz", b); err != nil {
		return fmt.Errorf("archive for %s: %w", b.platform, err)
	}
	if err := r.writeComponents(base+".cdx.json", b); err != nil {
		return fmt.Errorf("components of %s: %w", b.platform, err)
	}
	if b.os == "linux" {
		if err := r.writePackages(base, b); err != nil {
			return fmt.Errorf("packages for %s: %w", b.platform, err)
		}
	}
	return nil
}

func (r *release) baseName(b built) string {
	return fmt.Sprintf("%s_%s_%s", b.name, r.commit.fileVersion(), b.platform)
}
