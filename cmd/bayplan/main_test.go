package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/bayplan/bayplan/internal/dev/checkedin"
)

// binary is the path of the command under test, built as for users. With the
// race detector, each of its many processes would take a second to start,
// because of what a library computes when it is loaded.
var binary string

func TestMain(m *testing.M) {
	os.Exit(withBinary(m.Run))
}

func withBinary(run func() int) int {
	dir, err := os.MkdirTemp("", "bayplan-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "bayplan")
	build := exec.Command("go", "build", "-trimpath", "-o", binary, ".") // as make build does
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build bayplan: %v\n%s", err, out)
		return 1
	}
	return run()
}

// pathWithBinary returns a PATH on which bayplan is the command under test.
func pathWithBinary(path string) string {
	return filepath.Dir(binary) + string(os.PathListSeparator) + path
}

// TestLargeScripts runs the scripts that hold the promises of the command line.
// $EXAMPLES is the folder of the examples. Scripts use `copytree` to copy what
// they change, `signimage` to sign images, `document` to compare what was
// printed last with the schema of a document, and `holdstate` to hold a state until
// the script ends.
func TestLargeScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(e *testscript.Env) error {
			examples, err := filepath.Abs(filepath.Join("..", "..", "examples"))
			if err != nil {
				return err
			}
			e.Setenv("EXAMPLES", examples)
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("PATH", pathWithBinary(e.Getenv("PATH")))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"copytree":  copyTree,
			"signimage": signImage,
			"document":  checkDocument,
			"holdstate": holdState,
		},
		UpdateScripts: os.Getenv("UPDATE_SCRIPTS") != "",
	})
}

// copyTree is the script command copytree.
func copyTree(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: copytree from to")
	}
	ts.Check(checkedin.Copy(ts.MkAbs(args[0]), ts.MkAbs(args[1])))
}
