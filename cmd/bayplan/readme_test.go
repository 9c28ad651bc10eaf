package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Every transcript of README.md is run, in order, in a copy of the checked-in
// examples, and must print what README.md shows. A line "..." matches any lines,
// and times may differ.
func TestReadmeTranscripts(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := transcripts(string(text))
	if len(blocks) < 5 {
		t.Fatalf("found %d commands in README.md, want those of its transcripts", len(blocks))
	}
	dir := t.TempDir()
	if err := copyCheckedIn(filepath.Join("..", "..", "examples"), filepath.Join(dir, "examples")); err != nil {
		t.Fatal(err)
	}
	for _, b := range blocks {
		// The command under test replaces the one that README.md builds.
		cmd := exec.Command("bash", "-c", strings.ReplaceAll(b.command, "go run ./cmd/bayplan", "bayplan"))
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "PATH="+pathWithBinary(os.Getenv("PATH")), "BAYPLAN=bayplan")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("$ %s: %v", b.command, err)
		}
		if !matches(b.output, string(out)) {
			t.Errorf("$ %s (-README +now):\n%s", b.command, cmp.Diff(b.output, string(out)))
		}
	}
}

// The plans in README.md have no mistakes.
func TestReadmePlans(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	plans := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	if len(plans) == 0 {
		t.Fatal("README.md shows no plan")
	}
	for _, block := range plans {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "bayplan.yaml"), []byte(block[1]), 0o644); err != nil {
			t.Fatal(err)
		}
		if out, err := command(t, dir, "validate").CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	}
}

type transcript struct{ command, output string }

// transcripts returns the commands of all console blocks with their output.
func transcripts(text string) []transcript {
	var list []transcript
	for _, block := range regexp.MustCompile("(?s)```console\n(.*?)```").FindAllStringSubmatch(text, -1) {
		for line := range strings.Lines(block[1]) {
			if command, ok := strings.CutPrefix(line, "$ "); ok {
				list = append(list, transcript{command: strings.TrimSpace(command)})
				continue
			}
			list[len(list)-1].output += line
		}
	}
	return list
}

var seconds = regexp.MustCompile(`\d+\.\ds\b`)

// matches tells whether an output matches the transcript.
func matches(want, got string) bool {
	pattern := regexp.QuoteMeta(seconds.ReplaceAllString(want, "0.0s"))
	pattern = strings.ReplaceAll(pattern, `\.\.\.`+"\n", `(.*\n)*`)
	return regexp.MustCompile("^" + pattern + "$").MatchString(seconds.ReplaceAllString(got, "0.0s"))
}
