package packages

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/archive"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/rpm/rpmbuild"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/steptest"
	"github.com/bayplan/bayplan/steps/internal/testbed"
)

// lookedPackage runs the Inputs and the Diff of a step, as a diff does.
func lookedPackage(t *testing.T, p *packageFiles) (*runner.Finding, error) {
	t.Helper()
	if _, err := p.Inputs(t.Context(), &runner.Disk{}); err != nil {
		return nil, err
	}
	return p.Diff(t.Context(), &runner.Disk{}, nil)
}

func TestPackageDiff(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "images.rpm")
	steptest.PutFile(t, file, string(rpmbuild.Build(imagesSpec("13.0"))))
	steptest.PutFile(t, filepath.Join(dir, "page.rpm"), "<html>")
	huge := imagesSpec("13.0")
	huge.Tags = map[int]any{1028: nil, 5008: []uint64{1 << 55, 0, 7}}
	steptest.PutFile(t, filepath.Join(dir, "huge.rpm"), string(rpmbuild.Build(huge)))
	key := testbed.PublicKey(t, testbed.NewKey(t))
	server, _, _ := repositoryServer(t, imagesSpec("13.0"))
	unpack := func(name string) packageFiles {
		return packageFiles{RPM: plan.Path(filepath.Join(dir, name)), Extract: patterns{Text: imagesDir + "*.tar"}, Into: plan.Path(dir)}
	}
	with := func(p packageFiles, change func(*packageFiles)) packageFiles {
		change(&p)
		return p
	}
	tests := map[string]struct {
		step packageFiles
		err  string
		hint string
	}{
		"nothing at all": {
			packageFiles{},
			"neither which packages to install nor which one to unpack",
			"give names to install, or rpm or repository, with extract and into",
		},
		"nowhere to":          {packageFiles{RPM: "/a.rpm", Extract: patterns{Text: "/a"}}, "not both extract and into", "say with extract which files to unpack, and with into where to"},
		"nothing of it":       {packageFiles{RPM: "/a.rpm", Into: "/a"}, "not both extract and into", "say with extract which files to unpack, and with into where to"},
		"no name":             {packageFiles{Repository: "https://h/r"}, "but not the name of a package in it", ""},
		"not there":           {unpack("absent.rpm"), "absent.rpm: file does not exist", "put it there, or correct the path under rpm, or let a fetch step bring it"},
		"no package":          {unpack("page.rpm"), "page.rpm: the package is truncated", ""},
		"another package":     {with(unpack("images.rpm"), func(p *packageFiles) { p.SHA256 = steptest.SHA256("x") }), "not " + steptest.SHA256("x"), "it is not the package that was meant, or it was damaged on its way; or sha256 in the plan is out of date"},
		"nothing fits":        {with(unpack("images.rpm"), func(p *packageFiles) { p.Extract.Text = "/x" }), `rhosp-director-images-13.0-1.el7ost.noarch: it has no file "/x"`, "it has " + imagesDir + "overcloud-full-13.0.tar, " + imagesDir + "overcloud-full-latest.tar, " + imagesDir + "README"},
		"not signed":          {with(unpack("images.rpm"), func(p *packageFiles) { p.Keyring = plan.Path(key) }), "it is not signed", ""},
		"no keys":             {with(unpack("images.rpm"), func(p *packageFiles) { p.Keyring = "/nowhere" }), "read the keyring", ""},
		"no directory":        {with(unpack("images.rpm"), func(p *packageFiles) { p.Into = plan.Path(dir + "/a/b") }), "the directory " + dir + "/a is not there", "let a mkdir step make it, and name that step under needs"},
		"larger than a disk":  {unpack("huge.rpm"), "the files take 36028797018963968 bytes", "make room, or unpack somewhere else"},
		"no repository":       {packageFiles{Repository: server.URL + "/none", Name: "x", Extract: patterns{Text: "/x"}, Into: plan.Path(dir)}, "/none/repodata/repomd.xml: the server answers 404", "the file is not there; correct the URL"},
		"not in it":           {packageFiles{Repository: server.URL + "/repo", Name: "images", Extract: patterns{Text: "/x"}, Into: plan.Path(dir)}, `it has no package "images"`, "it has rhosp-director-images"},
		"another than listed": {packageFiles{Repository: server.URL + "/repo", Name: "rhosp-director-images", SHA256: steptest.SHA256("x"), Extract: patterns{Text: "/x"}, Into: plan.Path(dir)}, "not " + steptest.SHA256("x"), "the repository has another package than the plan expects; sha256 in the plan may be out of date"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tt.step.out = testbed.WithHosts(t)
			_, err := lookedPackage(t, &tt.step)
			if err == nil || !strings.Contains(err.Error(), tt.err) || fault.Hint(err) != tt.hint {
				t.Errorf("got %v (hint %q), want %q (%q)", err, fault.Hint(err), tt.err, tt.hint)
			}
		})
	}
}

// A diff reads only the header of a package in a repository.
func TestPackageDiffReadsTheHeaderAlone(t *testing.T) {
	server, files, asked := repositoryServer(t, imagesSpec("13.0"))
	into := filepath.Join(t.TempDir(), "images")
	p := &packageFiles{
		Repository: server.URL + "/repo/", Name: "rhosp-director-images", Extract: patterns{Text: imagesDir + "*"},
		Into: plan.Path(into), out: testbed.WithHosts(t),
	}
	f, err := lookedPackage(t, p)
	if err != nil {
		t.Fatal(err)
	}
	href := "Packages/rhosp-director-images-13.0-1.el7ost.noarch.rpm"
	if len(*asked) != 3 || !strings.HasPrefix((*asked)[2], "GET /repo/"+href+" bytes=0-") {
		t.Errorf("asked %q", *asked)
	}
	want := []string{imagesDir + "overcloud-full-latest.tar is a link to a file that is unpacked itself, and is left out"}
	if diff := cmp.Diff(want, f.Notes); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
	if got, want := f.Change.Summary, "2 files (10.7 KiB) from rhosp-director-images-13.0-1.el7ost.noarch, "+human.Size(int64(len(files[href])))+" to download"; got != want {
		t.Errorf("summary %q, want %q", got, want)
	}
	w := runner.Planned(&runner.Disk{}, f.Change.Files...)
	sums, err := w.Sum(t.Context(), filepath.Join(into, "README"), runner.SHA256)
	if err != nil || sums[runner.SHA256] != steptest.SHA256("read me") {
		t.Errorf("planned %v, %v", sums, err)
	}
	// The repository changes, but not its index: the package is another one.
	files[href] = rpmbuild.Build(imagesSpec("13.1"))
	if _, err := f.Change.Apply(t.Context(), &steptest.Progress{}); err == nil || !strings.Contains(err.Error(), "its sha256 is") {
		t.Errorf("another package than listed: %v", err)
	}
	if left, _ := os.ReadDir(into); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// The run after a kill does not fetch a complete download again. It removes what is
// left when nothing needs it.
func TestPackageTakesTheDownloadOfAKilledRun(t *testing.T) {
	server, files, asked := repositoryServer(t, imagesSpec("13.0"))
	into := t.TempDir()
	fresh := func() *packageFiles {
		return &packageFiles{
			Repository: server.URL + "/repo", Name: "rhosp-director-images", Extract: patterns{Text: imagesDir + "README"},
			Into: plan.Path(into), out: testbed.WithHosts(t),
		}
	}
	left := filepath.Join(into, ".bayplan-part-rhosp-director-images.rpm")
	steptest.PutFile(t, left, string(files["Packages/rhosp-director-images-13.0-1.el7ost.noarch.rpm"]))
	f, err := lookedPackage(t, fresh())
	if err != nil {
		t.Fatal(err)
	}
	*asked = nil
	if _, err := f.Change.Apply(t.Context(), &steptest.Progress{}); err != nil || len(*asked) > 0 {
		t.Errorf("got %v and asked %q", err, *asked)
	}
	steptest.PutFile(t, left, "half")
	if f, err = lookedPackage(t, fresh()); err != nil || f.Change == nil || f.Change.Items[0].Op != runner.Remove {
		t.Fatalf("got %+v, %v", f, err)
	}
	if _, err := f.Change.Apply(t.Context(), &steptest.Progress{}); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(left); err == nil {
		t.Error("it is still there")
	}
}

// Apply unpacks the files that the diff selected. It refuses a package that has
// changed since, and leaves nothing of a damaged one.
func TestPackageThatChangesAfterTheDiff(t *testing.T) {
	for name, tt := range map[string]struct {
		then []byte
		err  string
	}{
		"another one": {rpmbuild.Build(imagesSpec("13.1")), "the package changed after the diff"},
		"damaged":     {damaged(rpmbuild.Build(imagesSpec("13.0"))), "is damaged"},
		"gone":        {nil, "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			file, into := filepath.Join(dir, "images.rpm"), filepath.Join(dir, "into")
			steptest.PutFile(t, file, string(rpmbuild.Build(imagesSpec("13.0"))))
			f, err := lookedPackage(t, &packageFiles{RPM: plan.Path(file), Extract: patterns{Text: imagesDir + "*.tar"}, Into: plan.Path(into)})
			if err != nil {
				t.Fatal(err)
			}
			steptest.Remove(t, file)
			if tt.then != nil {
				steptest.PutFile(t, file, string(tt.then))
			}
			if _, err := f.Change.Apply(t.Context(), &steptest.Progress{}); err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("got %v, want %q", err, tt.err)
			}
			if left, _ := os.ReadDir(into); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// damaged changes the last byte before the padding of a package.
func damaged(b []byte) []byte {
	b[len(b)-6] ^= 1
	return b
}

// File names that are refused in an archive are refused in a package, too.
func TestHostileNamesInPackages(t *testing.T) {
	for name, path := range map[string]string{
		"of an unfinished file": "/a/.bayplan-part-x",
		"too long":              "/a/" + strings.Repeat("n", 300),
	} {
		dir := t.TempDir()
		file := filepath.Join(dir, "x.rpm")
		steptest.PutFile(t, file, string(rpmbuild.Build(rpmbuild.Spec{Name: "x", Version: "1", Release: "1", Arch: "noarch", Files: []rpmbuild.File{{Path: path, Body: "x"}}})))
		f, err := lookedPackage(t, &packageFiles{RPM: plan.Path(file), Extract: patterns{Text: "/a/*"}, Into: plan.Path(filepath.Join(dir, "into"))})
		if err == nil {
			_, err = f.Change.Apply(t.Context(), &steptest.Progress{})
		}
		if err == nil {
			t.Errorf("%s: it was unpacked", name)
		}
		if left, _ := os.ReadDir(filepath.Join(dir, "into")); len(left) > 0 {
			t.Errorf("%s: left behind: %v", name, left)
		}
	}
}

// The diff of the step that unpacks a tar archive sees an image in an archive that
// is still in its package.
func TestPlannedFilesOfAPackageCanBeRead(t *testing.T) {
	dir := t.TempDir()
	var inner bytes.Buffer
	tarFile := filepath.Join(dir, "inner.tar")
	steptest.WriteTar(t, tarFile, "overcloud-full.qcow2", "disk")
	b, err := os.ReadFile(tarFile)
	if err != nil {
		t.Fatal(err)
	}
	inner.Write(b)
	file := filepath.Join(dir, "x.rpm")
	steptest.PutFile(t, file, string(rpmbuild.Build(rpmbuild.Spec{
		Name: "x", Version: "1", Release: "1", Arch: "noarch",
		Files: []rpmbuild.File{{Path: "/a/overcloud-full.tar", Body: inner.String()}},
	})))
	f, err := lookedPackage(t, &packageFiles{RPM: plan.Path(file), Extract: patterns{Text: "/a/*.tar"}, Into: plan.Path(filepath.Join(dir, "into"))})
	if err != nil {
		t.Fatal(err)
	}
	r, err := runner.Planned(&runner.Disk{}, f.Change.Files...).Open(filepath.Join(dir, "into", "overcloud-full.tar"))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	entries, err := archive.List(t.Context(), r, archive.Options{})
	if err != nil || len(entries) != 1 || entries[0].SHA256 != steptest.SHA256("disk") {
		t.Errorf("got %+v, %v", entries, err)
	}
}

func TestSignedPackage(t *testing.T) {
	key := testbed.NewKey(t)
	spec := imagesSpec("13.0")
	spec.Sign = func(header []byte) []byte {
		var sig bytes.Buffer
		if err := openpgp.DetachSign(&sig, key, bytes.NewReader(header), nil); err != nil {
			t.Fatal(err)
		}
		return sig.Bytes()
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "x.rpm")
	steptest.PutFile(t, file, string(rpmbuild.Build(spec)))
	for name, tt := range map[string]struct {
		of  *openpgp.Entity
		err string
	}{"its signer": {key, ""}, "another": {testbed.NewKey(t), "it is not signed by any of the given keys"}} {
		p := &packageFiles{RPM: plan.Path(file), Extract: patterns{Text: imagesDir + "README"}, Into: plan.Path(dir), Keyring: plan.Path(testbed.PublicKey(t, tt.of))}
		_, err := lookedPackage(t, p)
		if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestInstallingReportsInTheDiff(t *testing.T) {
	const unpack = "give repository and name, or rpm, with extract and into"
	names := []string{"rhosp-director-images"}
	t.Run("not root", func(t *testing.T) {
		installedTools(t, t.TempDir())
		_, err := lookedPackage(t, &packageFiles{out: testbed.WithHosts(t), Names: names, euid: 1000})
		if err == nil || err.Error() != "rhosp-director-images: installing takes root, and bayplan never calls sudo" {
			t.Errorf("got %v", err)
		}
		if hint := fault.Hint(err); !strings.HasPrefix(hint, "run dnf install rhosp-director-images as root; or unpack") || !strings.Contains(hint, unpack) {
			t.Errorf("hint %q", hint)
		}
	})
	t.Run("not root, and all is there", func(t *testing.T) {
		db := t.TempDir()
		installedTools(t, db)
		steptest.PutFile(t, filepath.Join(db, names[0]), "")
		f, err := lookedPackage(t, &packageFiles{out: testbed.WithHosts(t), Names: names, euid: 1000})
		if err != nil || f.Change != nil || f.Outputs["packages"].String() != "rhosp-director-images-1-1.noarch" {
			t.Errorf("got %+v, %v", f, err)
		}
	})
	t.Run("no rpm", func(t *testing.T) {
		t.Setenv("PATH", t.TempDir())
		_, err := lookedPackage(t, &packageFiles{out: testbed.WithHosts(t), Names: names})
		if err == nil || !strings.Contains(err.Error(), "this machine has no rpm") || !strings.Contains(fault.Hint(err), unpack) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("no dnf", func(t *testing.T) {
		installedTools(t, t.TempDir())
		bin := t.TempDir()
		for _, name := range []string{"rpm", "sh"} {
			at, err := exec.LookPath(name)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(at, filepath.Join(bin, name)); err != nil {
				t.Fatal(err)
			}
		}
		t.Setenv("PATH", bin)
		_, err := lookedPackage(t, &packageFiles{out: testbed.WithHosts(t), Names: names})
		if err == nil || !strings.Contains(err.Error(), "neither dnf nor yum") || !strings.Contains(fault.Hint(err), unpack) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a rehearsal", func(t *testing.T) {
		installedTools(t, t.TempDir())
		_, err := lookedPackage(t, &packageFiles{out: rehearsal{}, Names: names})
		if err == nil || err.Error() != "the package repositories of this machine: refused" {
			t.Errorf("got %v", err)
		}
	})
	t.Run("no database yet", func(t *testing.T) {
		db := filepath.Join(t.TempDir(), "absent")
		installedTools(t, db)
		f, err := lookedPackage(t, &packageFiles{out: testbed.WithHosts(t), Names: names})
		if err != nil || f.Change == nil {
			t.Errorf("got %+v, %v", f, err)
		}
		if _, err := os.Stat(db); err == nil {
			t.Error("the diff made a database")
		}
	})
}

// A rehearsal asks no server.
type rehearsal struct{ hosts }

func (rehearsal) CheckOthers(what string) error { return errors.New(what + ": refused") }

func TestToolsThatFail(t *testing.T) {
	bin := t.TempDir()
	script := "#!/bin/sh\nseq 1 1000\nfor i in $(seq 1 200); do echo 'Error: Unable to find a match' >&2; done\nexit 3\n"
	if err := os.WriteFile(filepath.Join(bin, "dnf"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	err := (&packageFiles{Root: "/r"}).install(t.Context(), "dnf", []string{"a", "b"})
	if err == nil || !strings.HasPrefix(err.Error(), "dnf -y --installroot /r install a b: exit status 3: ...") || len(err.Error()) > 800 || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := runTool(ctx, "dnf"); err == nil || !strings.Contains(err.Error(), "canceled") {
		t.Errorf("cancelled: %v", err)
	}
}
