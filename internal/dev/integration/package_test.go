//go:build integration

package integration

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// imagesPath is the directory of the images in the packages.
const imagesPath = "/usr/share/rhosp-director-images/"

// A packager makes packages with rpmbuild and repositories with createrepo_c.
type packager struct {
	dir    string
	home   string // Debian's rpm keeps its database there
	signed bool   // with gpg, by rpmsign
}

// mustRun runs a tool and returns its output.
func (p packager) mustRun(t *testing.T, tool string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), tool, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C", "HOME="+p.home, "GNUPGHOME="+p.gnupg())
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", tool, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func (p packager) gnupg() string { return filepath.Join(p.dir, "gnupg") }

// key makes a signing key and returns the file of its public key.
func (p packager) key(t *testing.T) string {
	t.Helper()
	if err := os.MkdirAll(p.gnupg(), 0o700); err != nil {
		t.Fatal(err)
	}
	p.mustRun(t, "gpg", "--batch", "--quiet", "--passphrase", "", "--quick-generate-key", "images@example.org", "rsa2048", "sign")
	t.Cleanup(func() { // ends the agent that gpg has started
		kill := exec.Command("gpgconf", "--kill", "all")
		kill.Env = append(os.Environ(), "GNUPGHOME="+p.gnupg())
		_ = kill.Run()
	})
	file := filepath.Join(p.dir, "RPM-GPG-KEY-images")
	p.mustRun(t, "gpg", "--batch", "--armor", "--output", file, "--export", "images@example.org")
	return file
}

// build makes a package of files, by their path, into a repository.
func (p packager) build(t *testing.T, repo, nevr, payload string, files map[string]string) {
	t.Helper()
	top := t.TempDir()
	part := strings.Split(nevr, "/") // name, epoch, version, release
	var list, install strings.Builder
	for path, from := range files {
		if target, link := strings.CutPrefix(from, "-> "); link {
			fmt.Fprintf(&install, "mkdir -p %%{buildroot}$(dirname %s); ln -s %s %%{buildroot}%s\n", path, target, path)
		} else {
			fmt.Fprintf(&install, "install -D -m 644 %s %%{buildroot}%s\n", from, path)
		}
		list.WriteString(path + "\n")
	}
	spec := fmt.Sprintf("Name: %s\nEpoch: %s\nVersion: %s\nRelease: %s\nSummary: x\nLicense: x\nBuildArch: noarch\n%%description\nx\n%%install\n%s\n%%files\n%s",
		part[0], part[1], part[2], part[3], install.String(), list.String())
	if err := os.WriteFile(filepath.Join(top, "p.spec"), []byte(spec), 0o600); err != nil {
		t.Fatal(err)
	}
	p.mustRun(t, "rpmbuild", "-bb", "--quiet", "--define", "_topdir "+top, "--define", "_rpmdir "+repo, "--define", "_binary_payload "+payload, filepath.Join(top, "p.spec"))
	if p.signed {
		found, err := filepath.Glob(filepath.Join(repo, "noarch", part[0]+"-"+part[2]+"-*.rpm"))
		if err != nil || len(found) != 1 {
			t.Fatalf("built %v, %v", found, err)
		}
		p.mustRun(t, "rpmsign", "--define", "__gpg /usr/bin/gpg", "--define", "_gpg_name images@example.org", "--addsign", found[0])
	}
}

// index regenerates the metadata of a repository, compressed with gz, bz2 or xz.
func (p packager) index(t *testing.T, repo, pack string) {
	t.Helper()
	p.mustRun(t, "createrepo_c", "--quiet", "--general-compress-type="+pack, repo)
}

// publicDir makes a directory that any user may use. Only the owner may enter the
// parent of t.TempDir.
func publicDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "bayplan-packages-")
	if err == nil {
		err = os.Chmod(dir, 0o777)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// bayplanAs runs bayplan as a user and returns its output and whether it succeeded.
func bayplanAs(t *testing.T, uid uint32, dir string, args ...string) (string, bool) {
	t.Helper()
	binary, err := exec.LookPath("bayplan")
	if err != nil {
		t.Fatal(err)
	}
	// Run a copy: the user may not enter the directory of the program.
	own := filepath.Join(dir, "bayplan")
	b, err := os.ReadFile(binary)
	if err == nil {
		err = os.WriteFile(own, b, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer os.Remove(own)
	cmd := exec.CommandContext(t.Context(), own, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "LC_ALL=C", "HOME="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	out, err := cmd.CombinedOutput()
	return string(out), err == nil
}

const nobody = 65534

// TestPackages installs packages from a repository of createrepo_c with Debian's
// dnf. It also unpacks the same packages without dnf, as the user nobody.
func TestPackages(t *testing.T) {
	dir := publicDir(t)
	p := packager{dir: t.TempDir(), home: dir, signed: true}
	key := p.key(t)
	repo := filepath.Join(dir, "repo")
	disk, agent := filepath.Join(dir, "disk"), filepath.Join(dir, "agent")
	shell(t, `head -c 5000000 /dev/urandom >"$1"; head -c 3000000 /dev/zero >"$2"`, disk, agent)
	full := imagesPath + "overcloud-full-13.0-20190418.1.tar"
	p.build(t, repo, "rhosp-director-images/0/13.0/20190418.1", "w6.xzdio", map[string]string{
		full: disk, imagesPath + "overcloud-full-latest-13.0.tar": "-> overcloud-full-13.0-20190418.1.tar",
	})
	p.build(t, repo, "rhosp-director-images-ipa/0/13.0/20190418.1", "w3.zstdio", map[string]string{imagesPath + "ironic-python-agent.tar": agent})
	p.index(t, repo, "gz")
	server := httptest.NewServer(http.StripPrefix("/repo/", http.FileServer(http.Dir(repo))))
	defer server.Close()

	root := filepath.Join(dir, "root")
	conf := filepath.Join(root, "etc", "yum.repos.d", "images.repo")
	if err := os.MkdirAll(filepath.Dir(conf), 0o755); err != nil {
		t.Fatal(err)
	}
	text := "[images]\nname=images\nbaseurl=" + server.URL + "/repo/\ngpgcheck=0\n"
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	writePlan(t, dir, "install.yaml", `
  images:
    type: package
    with: { names: [rhosp-director-images, rhosp-director-images-ipa], root: `+root+` }
`)
	t.Run("installed by dnf", func(t *testing.T) { checkInstalled(t, p, dir, root) })
	t.Run("not installed by nobody", func(t *testing.T) {
		p.mustRun(t, "rpm", "--root", root, "-e", "rhosp-director-images")
		shell(t, `chmod -R a+rX "$1"`, root)
		out, ok := bayplanAs(t, nobody, dir, "diff", "-f", "install.yaml", "--state-dir", filepath.Join(dir, "none"))
		if ok || !strings.Contains(out, "installing takes root, and bayplan never calls sudo") || !strings.Contains(out, "hint: run dnf install") {
			t.Errorf("says %s", out)
		}
	})
	t.Run("unpacked by nobody", func(t *testing.T) {
		writePlan(t, dir, "unpack.yaml", `
  dirs: { type: mkdir, with: { paths: [images] } }
  images:
    type: package
    needs: [dirs]
    with: { repository: "`+server.URL+`/repo", name: rhosp-director-images, keyring: keys, extract: "`+imagesPath+`*latest*.tar", into: images }
  agent:
    type: package
    needs: [dirs]
    with: { repository: "`+server.URL+`/repo", name: rhosp-director-images-ipa, keyring: keys, extract: "`+imagesPath+`*.tar", into: images }
`)
		checkUnpacked(t, dir, key, map[string]string{"overcloud-full-latest-13.0.tar": disk, "ironic-python-agent.tar": agent})
	})
}

func writePlan(t *testing.T, dir, name, steps string) {
	t.Helper()
	text := "apiVersion: bayplan/v1\nname: packages\nsteps:" + steps
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func checkInstalled(t *testing.T, p packager, dir, root string) {
	run := func(want string, args ...string) {
		t.Helper()
		out, ok := bayplanAs(t, 0, dir, append(args, "-f", "install.yaml")...)
		if !ok || !strings.Contains(out, want) {
			t.Fatalf("%v: %v, want %q in\n%s", args, ok, want, out)
		}
	}
	run("2 packages to install with dnf", "diff")
	run("1 changed, 0 unchanged, 0 failed", "apply")
	run("0 changed, 1 unchanged, 0 failed", "apply")
	run("1 verified, 0 failed", "verify")
	if got := p.mustRun(t, "rpm", "--root", root, "-qa"); !strings.Contains(got, "rhosp-director-images-ipa-13.0-20190418.1.noarch") {
		t.Errorf("rpm -qa says %s", got)
	}
	p.mustRun(t, "rpm", "--root", root, "-e", "rhosp-director-images-ipa")
	run("+ package rhosp-director-images-ipa", "diff")
	if out, ok := bayplanAs(t, 0, dir, "verify", "-f", "install.yaml"); ok || !strings.Contains(out, "not installed: rhosp-director-images-ipa") {
		t.Errorf("verify says %s", out)
	}
	run("1 changed, 0 unchanged, 0 failed", "apply")
}

func checkUnpacked(t *testing.T, dir, key string, want map[string]string) {
	b, err := os.ReadFile(key)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "keys"), b, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	state := filepath.Join(dir, "state")
	for _, step := range []struct{ command, want string }{
		{"diff", "1 file (4.8 MiB) from rhosp-director-images-13.0-20190418.1.noarch, "},
		{"apply", "3 changed, 0 unchanged, 0 failed"},
		{"apply", "0 changed, 3 unchanged, 0 failed"},
		{"verify", "3 verified, 0 failed"},
	} {
		out, ok := bayplanAs(t, nobody, dir, step.command, "-f", "unpack.yaml", "--state-dir", state)
		if !ok || !strings.Contains(out, step.want) {
			t.Fatalf("%s: %v, want %q in\n%s", step.command, ok, step.want, out)
		}
	}
	for name, from := range want {
		got, err := os.ReadFile(filepath.Join(dir, "images", name))
		if err != nil {
			t.Error(err)
			continue
		}
		if source, err := os.ReadFile(from); err != nil || !bytes.Equal(got, source) {
			t.Errorf("%s has other bytes than went into the package (%v)", name, err)
		}
	}
	left, err := os.ReadDir(filepath.Join(dir, "images"))
	if err != nil || len(left) != len(want) {
		t.Errorf("%v are there, %v", left, err)
	}
	if err := os.Remove(filepath.Join(dir, "keys")); err != nil {
		t.Fatal(err)
	}
	other := packager{dir: t.TempDir(), home: dir}
	stranger, err := os.Open(other.key(t))
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	keys, err := os.OpenFile(filepath.Join(dir, "keys"), os.O_CREATE|os.O_WRONLY, 0o644)
	if err == nil {
		_, err = io.Copy(keys, stranger)
	}
	if err != nil || keys.Close() != nil {
		t.Fatal(err)
	}
	out, ok := bayplanAs(t, nobody, dir, "verify", "-f", "unpack.yaml", "--state-dir", state)
	if ok || !strings.Contains(out, "it is not signed by any of the given keys") {
		t.Errorf("with a stranger's key verify says %s", out)
	}
}

// TestNewestPackage checks that bayplan and dnf choose the same newest package of
// a repository. It removes that package and repeats until none is left.
func TestNewestPackage(t *testing.T) {
	p := packager{dir: t.TempDir(), home: t.TempDir()}
	repo := filepath.Join(t.TempDir(), "repo")
	file := filepath.Join(p.dir, "file")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, evr := range []string{"0/1.0~rc1/1", "0/1.0/1", "0/1.0^git1/1", "0/1.0.1/1", "0/1.9/2", "0/1.10/1", "0/1.10/1.el7", "2/0.1/1"} {
		p.build(t, repo, "images/"+evr, "w.ufdio", map[string]string{"/file": file})
	}
	dir := t.TempDir()
	writePlan(t, dir, "plan.yaml", `
  images:
    type: package
    with: { repository: "file://`+repo+`", name: images, extract: /file, into: into }
`)
	for left := 8; left > 0; left-- {
		p.index(t, repo, []string{"gz", "bz2", "xz"}[left%3])
		want := strings.TrimSpace(p.mustRun(t, "dnf", "-q", "--disablerepo=*", "--repofrompath=r"+fmt.Sprint(left)+",file://"+repo, "repoquery",
			"--latest-limit=1", "--qf", "%{name}-%{evr}.%{arch}", "images"))
		want = want[strings.LastIndex(want, "\n")+1:]
		out, ok := bayplanAs(t, 0, dir, "diff", "-f", "plan.yaml")
		if !ok || !strings.Contains(out, " from "+want+",") {
			t.Errorf("of %d, dnf takes %q, bayplan says\n%s", left, want, out)
		}
		evr := strings.TrimSuffix(strings.TrimPrefix(want, "images-"), ".noarch")
		if _, after, epoch := strings.Cut(evr, ":"); epoch {
			evr = after
		}
		if err := os.Remove(filepath.Join(repo, "noarch", "images-"+evr+".noarch.rpm")); err != nil {
			t.Fatal(err)
		}
	}
}
