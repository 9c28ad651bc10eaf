package packages

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bayplan/bayplan/internal/archive"
	"github.com/bayplan/bayplan/internal/rpm/rpmbuild"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/steptest"
	"github.com/bayplan/bayplan/steps/internal/testbed"
)

const imagesDir = "/usr/share/rhosp-director-images/"

func imagesSpec(version string) rpmbuild.Spec {
	return rpmbuild.Spec{
		Name: "rhosp-director-images", Version: version, Release: "1.el7ost", Arch: "noarch",
		Files: []rpmbuild.File{
			{Path: imagesDir + "overcloud-full-" + version + ".tar", Body: strings.Repeat("disk image ", 1000)},
			{Path: imagesDir + "overcloud-full-latest.tar", Link: "overcloud-full-" + version + ".tar"},
			{Path: imagesDir + "README", Body: "read me"},
		},
	}
}

// repositoryServer serves a repository of packages.
func repositoryServer(t *testing.T, specs ...rpmbuild.Spec) (*httptest.Server, map[string][]byte, *[]string) {
	t.Helper()
	files, asked := rpmbuild.Repository(specs...), &[]string{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*asked = append(*asked, strings.TrimSpace(r.Method+" "+r.URL.Path+" "+r.Header.Get("Range")))
		b, ok := files[strings.TrimPrefix(r.URL.Path, "/repo/")]
		if !ok {
			http.NotFound(w, r)
			return
		}
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(string(b)))
	}))
	t.Cleanup(s.Close)
	return s, files, asked
}

type patterns = plan.TextOr[string, []string]

func TestPackageLaws(t *testing.T) {
	ways := map[string]func(t *testing.T, base string) packageFiles{
		"from a file": func(t *testing.T, base string) packageFiles {
			file := filepath.Join(base, "images.rpm")
			steptest.PutFile(t, file, string(rpmbuild.Build(imagesSpec("13.0"))))
			return packageFiles{RPM: plan.Path(file), Extract: patterns{Other: []string{imagesDir + "*latest*", imagesDir + "README"}}}
		},
		"from a repository": func(t *testing.T, _ string) packageFiles {
			s, _, _ := repositoryServer(t, imagesSpec("12.0"), imagesSpec("13.0"))
			return packageFiles{
				Repository: s.URL + "/repo", Name: "rhosp-director-images",
				Extract: patterns{Other: []string{imagesDir + "*latest*", imagesDir + "README"}},
			}
		},
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			steptest.Laws(t, steptest.Case{Type: Type(nil), Fresh: func(t *testing.T) *steptest.Fixture {
				base := t.TempDir()
				into := filepath.Join(base, "images")
				step := way(t, base)
				step.Into, step.out = plan.Path(into), testbed.WithHosts(t)
				return &steptest.Fixture{
					New:  func() runner.Step { again := step; return &again },
					Dirs: []string{base},
					Break: []steptest.Break{
						{Name: "a file is removed", Do: func(t *testing.T) { steptest.Remove(t, into+"/README") }},
						{Name: "a file is changed", Do: func(t *testing.T) { steptest.PutFile(t, into+"/README", "READ ME") }},
						{Name: "a killed run left its files", Do: func(t *testing.T) {
							steptest.PutFile(t, filepath.Join(into, archive.StageName(step.stageSource()), "000000"), "half")
						}},
						{Name: "all is removed", Do: func(t *testing.T) { steptest.Remove(t, into) }},
						{Name: "a directory takes a file's place", Do: func(t *testing.T) {
							steptest.Remove(t, into+"/README")
							steptest.MakeDir(t, into+"/README", 0o755)
						}},
						{Name: "a link takes a file's place", Do: func(t *testing.T) {
							steptest.Remove(t, into+"/README")
							if err := os.Symlink("overcloud-full-latest.tar", into+"/README"); err != nil {
								t.Fatal(err)
							}
						}},
					},
				}
			}})
		})
	}
}

// installedTools puts an rpm and a dnf on the PATH that keep their packages in a
// directory.
func installedTools(t *testing.T, dir string) {
	t.Helper()
	bin := t.TempDir()
	for name, script := range map[string]string{
		"rpm": `[ "$1" = --eval ] && { echo "$DB"; exit; }
[ "$1" = -ql ] && { echo /usr/share/$3; exit; }
shift 4
if [ -e "$DB/$1" ]; then echo "$1-1-1.noarch"; else echo "package $1 is not installed"; exit 1; fi`,
		"dnf": `shift 2
for p; do echo x > "$DB/$p"; done`,
	} {
		script = "#!/bin/sh\nDB='" + dir + "'\n" + script + "\n"
		if err := os.WriteFile(filepath.Join(bin, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
}

func TestPackageInstallLaws(t *testing.T) {
	steptest.Laws(t, steptest.Case{Type: Type(nil), Fresh: func(t *testing.T) *steptest.Fixture {
		dir := t.TempDir()
		installedTools(t, dir)
		return &steptest.Fixture{
			New: func() runner.Step {
				return &packageFiles{out: testbed.WithHosts(t), Names: []string{"rhosp-director-images", "rhosp-director-images-ipa"}}
			},
			Dirs: []string{dir},
			Break: []steptest.Break{
				{Name: "one is removed", Do: func(t *testing.T) { steptest.Remove(t, dir+"/rhosp-director-images-ipa") }},
			},
		}
	}})
}
