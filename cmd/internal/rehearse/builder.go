package rehearse

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/cmd/internal/rehearse/artifacts"
	"github.com/bayplan/bayplan/cmd/internal/rehearse/registries"
	"github.com/bayplan/bayplan/cmd/internal/rehearse/trees"
	"github.com/bayplan/bayplan/internal/checksum"
	"github.com/bayplan/bayplan/internal/hostname"
	"github.com/bayplan/bayplan/internal/pathindex"
	"github.com/bayplan/bayplan/internal/pieces"
	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/internal/tripleo"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
)

// maxOwn is the largest file of the plan's folder that a rehearsal works with, in bytes. A
// larger one is stood in for: a rehearsal takes seconds.
const maxOwn = 64 << 20

// A builder brings into the world what one plan expects to be there.
type builder struct {
	world  *world
	things *things
	made   map[string]string // files and layouts of earlier plans, by their last names

	mistakes plan.Errors
	notes    []string // what may be wrong
	staged   []string // paths below the root of what was copied from there
	told     []told
}

// A told is a thing that is stood in for.
type told struct{ kind, name string }

// carried is the kind of what an earlier plan has made.
const carried = "carried"

// provide makes all things. The error is that of the disk; mistakes of the plan are in
// b.mistakes.
func (b *builder) provide(ctx context.Context) error {
	for i := 0; i < len(b.things.ordered); i++ { // a list of images adds layouts
		if t := b.things.ordered[i]; t.url == "" {
			if err := b.providePath(ctx, t); err != nil {
				return fmt.Errorf("stand in for %s: %w", b.world.root.Strip(t.path), err)
			}
		}
	}
	for _, t := range b.things.ordered { // which may be of files
		if t.url != "" {
			if err := b.provideAddress(t); err != nil {
				return fmt.Errorf("stand in for %s: %w", t.url, err)
			}
		}
	}
	b.checkMembers()
	for _, e := range b.things.wanted {
		if b.isPushed(e.URL) {
			continue
		}
		for _, pin := range e.Pins {
			b.world.waived[pin] = true
		}
		if e.Kind == runner.ExpectServed {
			b.serve(e)
		}
		if t := b.things.source(e); e.To != "" && t != nil && !t.own && b.standsIn(t) {
			content, err := b.contentOf(t)
			if err != nil {
				return err
			}
			b.world.standIns[e.To] = content
		}
	}
	return nil
}

// standsIn reports whether something stands in for a thing: not for an artifact that plans
// make themselves.
func (b *builder) standsIn(t *thing) bool {
	_, there := b.world.standIns[t.url]
	return there || !artifacts.Is(t.url)
}

// serve lets a web server serve a directory of the host.
func (b *builder) serve(e runner.Expectation) {
	scheme, rest, _ := strings.Cut(addressKey(e.URL), "://")
	host, where, _ := strings.Cut(rest, "/")
	_ = scheme // one server answers for both
	s := served{host: withoutPort(hostname.Normal(host)), path: strings.TrimSuffix("/"+where, "/"), dir: e.For}
	if !slices.Contains(b.world.served, s) {
		b.world.served = append(b.world.served, s)
	}
}

// isPushed reports whether what is at an address is a blob that plans push, or none that they do not push:
// nothing stands in for it.
func (b *builder) isPushed(address string) bool {
	_, exact := b.pushedTo(address)
	return exact
}

// pushedTo gives the files that plans push to the repository of a blob's address, and reports whether these
// are all that is there.
func (b *builder) pushedTo(address string) (files []string, exact bool) {
	host, repository, ok := registries.CutBlob(address)
	exact = ok && b.world.plans.Exact(host, repository, func(path string) bool {
		files = append(files, path)
		return b.world.copied[path]
	})
	return files, exact
}

// provideBlob lets the file that plans push have the address that its blob will have.
func (b *builder) provideBlob(t *thing) error {
	files, _ := b.pushedTo(t.url)
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if strings.HasSuffix(t.url, "/"+checksum.SHA256(content)) {
			b.world.pushed[t.url] = content
		}
	}
	return nil
}

func (b *builder) provideAddress(t *thing) error {
	if t.Kind == runner.ExpectImagePGP {
		return nil // the world makes the signatures of a store
	}
	if b.isPushed(t.url) {
		return b.provideBlob(t)
	}
	if artifacts.Is(t.url) {
		return b.artifact(t)
	}
	b.tell(t)
	if t.Kind == runner.ExpectPackage {
		files, err := b.repository(t)
		for address, content := range files {
			b.world.standIns[addressKey(address)] = content
		}
		b.world.standIns[t.url] = nil
		return err
	}
	content, err := b.contentOf(t)
	b.world.standIns[t.url] = content
	return err
}

func (b *builder) providePath(ctx context.Context, t *thing) error {
	switch t.Kind {
	case runner.ExpectDirectory, runner.ExpectEnvironments:
		return b.directory(t)
	case runner.ExpectImageKey, runner.ExpectImagePGP, runner.ExpectKeyring, runner.ExpectTrustRoot, runner.ExpectMediaSecret, runner.ExpectMediaPublic, runner.ExpectReceipt:
		return b.key(t)
	}
	if exists(t.path) || exists(pieces.TablePath(t.path)) { // an earlier plan has made it
		return nil
	}
	if t.own {
		b.staged = append(b.staged, t.path)
		return b.copyOwn(t)
	}
	if t.inFolder {
		b.mistake(t, "%s is not there, and no step before makes it", b.world.root.Real(t.path))
		return nil
	}
	if from := b.made[t.name]; from != "" && isLike(t.Kind, from) { // somebody carries it to where this plan is applied
		b.told = append(b.told, told{carried, b.world.root.Strip(t.path) + " from " + b.world.root.Strip(from)})
		return trees.Carry(from, t.path)
	}
	if b.misplaced(t) {
		return nil
	}
	b.tell(t)
	switch t.Kind {
	case runner.ExpectTree:
		return b.tree(t)
	case runner.ExpectLayout:
		return b.layout(ctx, t)
	}
	content, err := b.contentOf(t)
	if err != nil {
		return err
	}
	b.world.standIns[t.path] = content
	return write(t.path, content)
}

// checkOff adds a mistake for each file of the plan's folder that a step which is off lacks.
func (b *builder) checkOff(off []runner.Touched) {
	for _, t := range b.things.missing(off) {
		b.mistake(t, "%s is not there, and no step before makes it", b.world.root.Real(t.path))
	}
}

// isLike reports whether what an earlier plan has made can be a thing of a kind.
func isLike(kind runner.Kind, made string) bool {
	fi, err := os.Stat(made)
	switch {
	case exists(pieces.TablePath(made)):
		return kind == runner.ExpectLayout
	case err != nil:
		return false
	case fi.IsDir():
		return kind == runner.ExpectLayout && exists(filepath.Join(made, "index.json")) || kind == runner.ExpectTree
	}
	return kind != runner.ExpectTree
}

func (b *builder) mistake(t *thing, format string, args ...any) {
	e := t.Node.Step.With.Errorf(t.Field, format, args...)
	e.Hint = fmt.Sprintf("the plan's folder lacks this %s; correct the path, or let an earlier step make it", t.Kind)
	b.add(e)
}

// add adds a mistake, once.
func (b *builder) add(e *plan.Error) {
	if slices.ContainsFunc(b.mistakes, func(o *plan.Error) bool { return o.Pos == e.Pos && o.Msg == e.Msg }) {
		return
	}
	b.mistakes = append(b.mistakes, e)
}

func (b *builder) tell(t *thing) {
	name := b.world.root.Strip(t.path)
	if t.url != "" {
		name = strings.TrimSuffix(b.world.root.Strip(t.url), "#")
	}
	if t.Kind != runner.ExpectServed {
		b.told = append(b.told, told{string(t.Kind), name})
	}
}

// directory makes a directory in which steps make files. One that a step makes is left to
// that step, and so is one of the plan's folder that is not there.
func (b *builder) directory(t *thing) error {
	if !t.own && t.inFolder {
		return nil
	}
	for _, s := range b.things.steps {
		for _, made := range slices.Concat(s.Makes, s.Into) {
			if made != "" && s.Node != t.Node && pathindex.Within(t.path, made) || slices.Contains(s.Makes, t.path) {
				return nil
			}
		}
	}
	if t.own && t.Kind == runner.ExpectEnvironments {
		return b.copyOwn(t)
	}
	if t.own || exists(t.path) {
		return os.MkdirAll(t.path, 0o755)
	}
	if near, by := b.nearMade(t, func(s runner.Touched) []string { return s.Makes }); near != "" {
		b.wrongPath(t, fmt.Sprintf("no step makes the directory, and step %q makes %s", by, near), near)
		return nil
	}
	b.tell(t)
	return os.MkdirAll(t.path, 0o755)
}

// key puts the public key of the rehearsal in the place of one that the plan names. That
// one must be there if it is of the plan's folder; validating the plan has read it.
func (b *builder) key(t *thing) error {
	if !t.own && t.inFolder {
		b.mistake(t, "%s is not there, and no step before makes it", b.world.root.Real(t.path))
		return nil
	}
	b.tell(t)
	t.own = false
	content, err := b.contentOf(t)
	if err != nil {
		return err
	}
	err = write(t.path, content)
	if err == nil && t.Kind == runner.ExpectMediaSecret {
		err = os.Chmod(t.path, 0o600)
	}
	return err
}

func (b *builder) tree(t *thing) error {
	files, err := tripleo.SampleTree(t.Format)
	for name, content := range files {
		if err := write(filepath.Join(t.path, name), content); err != nil {
			return err
		}
	}
	return err
}

// copyOwn copies a file or directory of the plan's folder.
func (b *builder) copyOwn(t *thing) error {
	real := t.disk
	fi, err := os.Stat(real)
	switch {
	case err != nil:
		return err
	case fi.IsDir():
		if err := trees.Copy(real, t.path, b.things.homeOf(t.Expectation, real), maxOwn); err != nil {
			return fmt.Errorf("%s: %w", real, err)
		}
		return nil
	case !fi.Mode().IsRegular():
		return fmt.Errorf("%s is not a regular file", real)
	case fi.Size() > maxOwn:
		t.own = false
		b.told = append(b.told, told{"large " + string(t.Kind), real})
		content, err := b.contentOf(t)
		if err != nil {
			return err
		}
		b.world.standIns[t.path] = content
		return write(t.path, content)
	}
	content, err := os.ReadFile(real)
	if err != nil {
		return err
	}
	if t.Kind == runner.ExpectImageList {
		b.layoutsOf(t)
	}
	b.world.copied[t.path] = true
	return write(t.path, content)
}

// layoutsOf adds the layouts that a list of images names to the things that the plan expects.
func (b *builder) layoutsOf(t *thing) {
	for _, name := range registries.Listed(t.disk) {
		dir, inside, isLayout := registry.CutLayout(name)
		if !isLayout || dir == "" {
			continue
		}
		e := t.Expectation
		e.Kind, e.Path = runner.ExpectLayout, b.world.root.Place(b.things.folder.Real(filepath.Clean(dir)), false)
		if at := b.things.at(e.Path, e); at != nil {
			at.Kind = runner.ExpectLayout
			if inside != "" {
				at.Names = append(at.Names, inside)
			}
		}
	}
}

// write writes a file, with the directories that it lies in.
func write(file string, content []byte) error {
	return errors.Join(os.MkdirAll(path.Dir(file), 0o755), os.WriteFile(file, content, 0o644))
}
