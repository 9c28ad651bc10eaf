package fetch

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/internal/download"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/steptest"
	"github.com/bayplan/bayplan/steps/internal/testbed"
)

const kernelText = "a kernel, as far as anybody can tell"

func TestFetchLaws(t *testing.T) {
	cases := map[string]func(url string) fetchFile{
		"with its digest": func(url string) fetchFile {
			return fetchFile{URL: plan.TextOr[string, []string]{Text: url + "/agent.kernel"}, SHA256: new(steptest.SHA256(kernelText))}
		},
		"with a list of checksums": func(url string) fetchFile {
			return fetchFile{URL: plan.TextOr[string, []string]{Text: url + "/agent.kernel"}, Checksums: new(url + "/SHA256SUMS")}
		},
		"with nothing to say what it is": func(url string) fetchFile {
			return fetchFile{URL: plan.TextOr[string, []string]{Text: url + "/agent.kernel"}}
		},
		"from mirrors, the first of which is of no use": func(url string) fetchFile {
			return fetchFile{
				URL:    plan.TextOr[string, []string]{Other: []string{url + "/gone", url + "/agent.kernel"}},
				SHA256: new(steptest.SHA256(kernelText)), Mode: "0600",
			}
		},
		"from a file": func(url string) fetchFile {
			return fetchFile{URL: plan.TextOr[string, []string]{Text: "file://" + filepath.Join(t.TempDir(), "from")}}
		},
	}
	for name, configure := range cases {
		t.Run(name, func(t *testing.T) {
			steptest.Laws(t, steptest.Case{Type: Type(nil), Fresh: func(t *testing.T) *steptest.Fixture {
				server := testbed.FileServer(t, map[string]string{
					"/agent.kernel": kernelText,
					"/SHA256SUMS":   steptest.SHA256(kernelText) + " *agent.kernel\n" + steptest.SHA256("") + " *agent.initramfs\n",
				})
				dir := t.TempDir()
				step := configure(server.URL)
				if local := download.LocalPath(step.URL.Text); local != "" {
					steptest.PutFile(t, local, kernelText)
				}
				return fetchFixture(t, step, dir)
			}})
		})
	}
}

func fetchFixture(t *testing.T, step fetchFile, dir string) *steptest.Fixture {
	to := filepath.Join(dir, "agent.kernel")
	step.To = plan.Path(to)
	if step.out == nil {
		step.out = testbed.WithHosts(t)
	}
	breaks := []steptest.Break{
		{Name: "it is removed", Do: func(t *testing.T) { steptest.Remove(t, to) }},
		{Name: "it is cut", Do: func(t *testing.T) { steptest.PutFile(t, to, kernelText[:5]) }},
		{Name: "it is changed", Do: func(t *testing.T) { steptest.PutFile(t, to, strings.ToUpper(kernelText)) }},
		{Name: "it is changed and as old as before", Do: func(t *testing.T) {
			fi, err := os.Stat(to)
			if err != nil {
				t.Fatal(err)
			}
			steptest.PutFile(t, to, strings.ToUpper(kernelText))
			if err := os.Chtimes(to, fi.ModTime(), fi.ModTime()); err != nil {
				t.Fatal(err)
			}
		}},
		{Name: "a directory takes its place", Do: func(t *testing.T) {
			steptest.Remove(t, to)
			steptest.MakeDir(t, to, 0o755)
		}},
		{Name: "a killed run left a part", Do: func(t *testing.T) {
			steptest.PutFile(t, filepath.Join(dir, ".bayplan-part-agent.kernel-fetch-0123456789abcdef"), "half")
		}},
	}
	if step.Mode != "" {
		breaks = append(breaks, steptest.Break{Name: "it has another mode", Do: func(t *testing.T) {
			if err := os.Chmod(to, 0o644); err != nil {
				t.Fatal(err)
			}
		}})
	}
	return &steptest.Fixture{
		New:   func() runner.Step { again := step; return &again },
		Dirs:  []string{dir},
		Break: breaks,
	}
}
