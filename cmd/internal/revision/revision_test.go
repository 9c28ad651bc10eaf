package revision

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A repository is one that a test works in.
type repository struct {
	t   *testing.T
	top string
}

func newRepository(t *testing.T) repository {
	t.Helper()
	r := repository{t, t.TempDir()}
	r.git("init", "-q", "-b", "main")
	return r
}

func (r repository) git(args ...string) string {
	r.t.Helper()
	cmd := exec.Command("git", append([]string{"-C", r.top, "-c", "user.name=n", "-c", "user.email=a@b.example"}, args...)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (r repository) put(name, text string) {
	r.t.Helper()
	file := filepath.Join(r.top, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		r.t.Fatal(err)
	}
}

func (r repository) link(to, name string) {
	r.t.Helper()
	file := filepath.Join(r.top, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.Symlink(to, file)); err != nil {
		r.t.Fatal(err)
	}
}

func (r repository) commit() {
	r.t.Helper()
	r.git("add", "-A")
	r.git("commit", "-q", "-m", "one")
}

func (r repository) open(revision string) *Tree {
	r.t.Helper()
	tree, err := Open(r.t.Context(), revision, filepath.Join(r.top, "plan.yaml"), r.t.TempDir())
	if err != nil {
		r.t.Fatal(err)
	}
	return tree
}

// content gives the text of a file of a revision, or the error.
func content(t *testing.T, tree *Tree, file string) string {
	t.Helper()
	at, err := tree.Place(t.Context(), file)
	if errors.Is(err, fs.ErrNotExist) {
		return "absent"
	}
	if err != nil {
		return err.Error()
	}
	text, err := os.ReadFile(at)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// The files are those of the revision, as git keeps them: no attribute leaves one out, and no
// filter changes it. What lies beside the files changes nothing.
func TestPlace(t *testing.T) {
	r := newRepository(t)
	ran := filepath.Join(t.TempDir(), "ran")
	r.git("config", "filter.evil.smudge", "touch "+ran+"; echo evil")
	r.put(".gitattributes", "secret.txt export-ignore\n*.yaml filter=evil\nsub.txt export-subst\n")
	r.put("plan.yaml", "plan")
	r.put("secret.txt", "not exported")
	r.put("sub.txt", "$Format:%H$")
	r.put("a/b/list\nwith a line.txt", "line")
	r.put("a/umlaut-\xfc", "latin")
	r.put("env/one.yaml", "1")
	r.put("env/deep/two.yaml", "2")
	r.commit()
	r.put("plan.yaml", "changed")
	r.put("env/three.yaml", "3")
	tree := r.open("HEAD")
	for name, want := range map[string]string{
		"plan.yaml": "plan", "secret.txt": "not exported", "sub.txt": "$Format:%H$", "a/b/list\nwith a line.txt": "line",
		"a/umlaut-\xfc": "latin", "env/three.yaml": "absent", "none/x": "absent", "plan.yaml/x": "absent",
	} {
		if got := content(t, tree, filepath.Join(r.top, name)); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
	at, err := tree.Place(t.Context(), filepath.Join(r.top, "env"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	_ = filepath.WalkDir(at, func(path string, d fs.DirEntry, _ error) error {
		if !d.IsDir() {
			names = append(names, strings.TrimPrefix(path, at))
		}
		return nil
	})
	if got := strings.Join(names, " "); got != "/deep/two.yaml /one.yaml" {
		t.Errorf("the directory has %s", got)
	}
	if _, err := os.Stat(ran); err == nil {
		t.Error("a filter of the repository ran")
	}
}

// Links are followed within the revision only, however they are chained.
func TestLinks(t *testing.T) {
	r := newRepository(t)
	r.put("plan.yaml", "plan")
	r.put("shared/list.txt", "shared")
	r.put("deep/a/b/x", "x")
	r.link("../shared/list.txt", "sites/list.txt")
	r.link("../shared", "sites/dir")
	r.link("/etc/passwd", "passwd")
	r.link("../../../../../../etc/passwd", "up")
	r.link("../../..", "deep/a/b/top")
	r.link("deep/a/b/top/../etc", "over")
	r.link("loop2", "loop1")
	r.link("loop1", "loop2")
	r.link("deep/a/b/top/shared/list.txt", "round")
	r.link("none", "dangling")
	r.link("/etc", "both/etc")
	r.link("../shared/list.txt", "both/list")
	r.commit()
	tree := r.open("HEAD")
	for name, want := range map[string]string{
		"sites/list.txt": "shared", "sites/dir/list.txt": "shared", "round": "shared", "dangling": "absent",
		"passwd": `passwd: a symbolic link of the revision leads to "/etc/passwd", and is not followed`,
		"up":     "up: a symbolic link of the revision leads out of the repository, and is not followed",
		"over":   "over: a symbolic link of the revision leads out of the repository, and is not followed",
		"loop1":  "loop1: too many symbolic links lead to each other",
	} {
		if got := content(t, tree, filepath.Join(r.top, name)); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
	at, err := tree.Place(t.Context(), filepath.Join(r.top, "both"))
	entries, more := os.ReadDir(at)
	if err != nil || more != nil || len(entries) != 1 || entries[0].Name() != "list" || !entries[0].Type().IsRegular() {
		t.Errorf("a directory with a link: %v, %v, %v", entries, err, more)
	}
	if at, err := tree.Place(t.Context(), filepath.Join(r.top, "sites", "dir")); err != nil || !exists(filepath.Join(at, "list.txt")) {
		t.Errorf("a link to a directory: %s, %v", at, err)
	}
}

// addCopies adds files of the same content to a directory of the index.
func (r repository) addCopies(dir string, count int, content string) {
	r.t.Helper()
	r.put("copied", content)
	object := r.git("hash-object", "-w", "copied")
	var lines strings.Builder
	for i := range count {
		fmt.Fprintf(&lines, "100644 %s\t%s/%d\n", object, dir, i)
	}
	cmd := exec.Command("git", "-C", r.top, "update-index", "--index-info")
	cmd.Stdin = strings.NewReader(lines.String())
	if out, err := cmd.CombinedOutput(); err != nil {
		r.t.Fatalf("%v\n%s", err, out)
	}
}

// A directory of a revision is written only if it has few files and few bytes.
func TestBounds(t *testing.T) {
	r := newRepository(t)
	r.put("plan.yaml", "plan")
	r.git("add", "plan.yaml")
	r.addCopies("many", maxFiles+1, "x")
	r.addCopies("large", maxBytes/MaxFile+1, strings.Repeat("\x00", MaxFile))
	r.git("commit", "-q", "-m", "one")
	tree := r.open("HEAD")
	for dir, want := range map[string]string{"many": "more than 20000 files", "large": "more than 1024 MiB"} {
		at, err := tree.Place(t.Context(), filepath.Join(r.top, dir))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", dir, err)
		}
		_ = filepath.WalkDir(at, func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				t.Fatalf("%s is written", path)
			}
			return nil
		})
	}
}

func exists(file string) bool {
	info, err := os.Lstat(file)
	return err == nil && info.Mode().IsRegular()
}

// What is in a submodule is not of the revision, a large file has only its size, and paths
// outside of the repository are none of it.
func TestNotInRevision(t *testing.T) {
	r := newRepository(t)
	r.put("plan.yaml", "plan")
	large, err := os.Create(filepath.Join(r.top, "large"))
	if err == nil {
		err = errors.Join(large.Truncate(MaxFile+1), large.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	r.commit()
	r.git("update-index", "--add", "--cacheinfo", "160000,"+r.git("rev-parse", "HEAD")+",sub")
	r.git("commit", "-q", "-m", "two")
	tree := r.open("HEAD")
	for name, want := range map[string]bool{"plan.yaml": true, "sub/x": false, "sub": false, "../x": false, "new": true} {
		if got := tree.Has(filepath.Join(r.top, name)); got != want {
			t.Errorf("has %s: %v", name, got)
		}
	}
	if _, err := tree.Place(t.Context(), filepath.Join(filepath.Dir(r.top), "x")); err == nil || !strings.Contains(err.Error(), "is not in the repository") {
		t.Errorf("outside: %v", err)
	}
	at, err := tree.Place(t.Context(), filepath.Join(r.top, "large"))
	if info, more := os.Stat(at); err != nil || more != nil || info.Size() != MaxFile+1 {
		t.Errorf("a large file: %v, %v", err, more)
	}
}

// REVISION... is what HEAD has in common with a revision.
func TestCommon(t *testing.T) {
	r := newRepository(t)
	r.put("plan.yaml", "base")
	r.commit()
	r.git("checkout", "-q", "-b", "change")
	r.put("plan.yaml", "changed")
	r.commit()
	r.git("checkout", "-q", "main")
	r.put("plan.yaml", "meanwhile")
	r.commit()
	r.git("checkout", "-q", "change")
	plan := filepath.Join(r.top, "plan.yaml")
	for revision, want := range map[string]string{"main": "meanwhile", "main...": "base", "HEAD": "changed"} {
		if got := content(t, r.open(revision), plan); got != want {
			t.Errorf("%s: %s, want %s", revision, got, want)
		}
	}
	r.git("checkout", "-q", "--orphan", "alone")
	r.commit()
	for revision, want := range map[string]string{
		"main...": "HEAD and main have no commit in common", "none": "git knows no revision none", "--all": "git knows no revision --all", "": "git knows no revision",
	} {
		if _, err := Open(t.Context(), revision, plan, t.TempDir()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", revision, err)
		}
	}
}

// A comparison that is interrupted ends with what has interrupted it.
func TestCancelled(t *testing.T) {
	r := newRepository(t)
	r.put("plan.yaml", "plan")
	r.commit()
	tree := r.open("HEAD")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := tree.Place(ctx, filepath.Join(r.top, "plan.yaml")); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if got := content(t, tree, filepath.Join(r.top, "plan.yaml")); got != "plan" {
		t.Error(got)
	}
}

// In a hook, git's own variables name another repository than that of the plan.
func TestVariablesOfAHook(t *testing.T) {
	r, other := newRepository(t), newRepository(t)
	for _, one := range []repository{r, other} {
		one.put("plan.yaml", "in "+one.top)
		one.git("add", ".")
		one.git("commit", "-q", "-m", "one")
	}
	t.Setenv("GIT_DIR", filepath.Join(other.top, ".git"))
	t.Setenv("GIT_WORK_TREE", other.top)
	if !unwanted("OS_PASSWORD=secret") || unwanted("PATH=/bin") {
		t.Error("git gets secrets, or does not get PATH")
	}
	into := t.TempDir()
	file := filepath.Join(r.top, "plan.yaml")
	tree, err := Open(t.Context(), "HEAD", file, into)
	if err != nil {
		t.Fatal(err)
	}
	at, err := tree.Place(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(at); err != nil || string(got) != "in "+r.top {
		t.Errorf("got %q, %v", got, err)
	}
}

// A change of the working tree cannot answer for the base: neither by files that look like a
// repository, nor by a link that leads to another repository.
func TestAnotherRepository(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(r repository)
		want   string
	}{
		"files like a repository": {func(r repository) {
			r.put("x/HEAD", "ref: refs/heads/main\n")
			r.put("x/config", "[core]\n\trepositoryformatversion = 0\n\tworktree = .\n")
			r.put("x/objects/keep", "")
			r.put("x/refs/keep", "")
			r.put("x/plan.yaml", "evil")
			r.link("x/plan.yaml", "plan.yaml")
		}, "bare repository"},
		"a link to a repository": {func(r repository) {
			r.git("init", "-q", "sub")
			r.put("sub/plan.yaml", "evil")
			r.link("sub/plan.yaml", "plan.yaml")
		}, "a symbolic link of the repository "},
		"a link of a link": {func(r repository) {
			r.git("init", "-q", "sub")
			r.put("sub/deep/plan.yaml", "evil")
			r.link("sub/deep", "way")
			r.link("way/../deep/plan.yaml", "plan.yaml")
		}, "a symbolic link of the repository "},
		"a link in the repository": {func(r repository) {
			r.put("real/plan.yaml", "moved")
			r.link("real/plan.yaml", "plan.yaml")
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRepository(t)
			r.put("plan.yaml", "plan")
			r.commit()
			if err := os.Remove(filepath.Join(r.top, "plan.yaml")); err != nil {
				t.Fatal(err)
			}
			tt.change(r)
			outside := filepath.Join(t.TempDir(), "way") // a link of the machine is none of the repository
			if err := os.Symlink(r.top, outside); err != nil {
				t.Fatal(err)
			}
			for _, dir := range []string{r.top, outside} {
				_, err := Open(t.Context(), "HEAD", filepath.Join(dir, "plan.yaml"), t.TempDir())
				if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
					t.Errorf("in %s: %v, want %q", dir, err, tt.want)
				}
			}
		})
	}
}
