package plan_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/plan"
)

var update = flag.Bool("update", false, "rewrite what testdata/bad expects")

// shown returns mistakes as users see them.
func shown(errs plan.Errors) string {
	var b strings.Builder
	for _, e := range errs {
		b.WriteString(e.Text() + "\n")
	}
	return b.String()
}

// Beside every file in testdata/bad lies a text file with the mistakes that a user
// sees.
func TestBadPlans(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(files) < 40 {
		t.Fatalf("%d files in testdata/bad, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			_, errs := plan.Parse(filepath.Base(file), raw, plan.Options{})
			if len(errs) == 0 {
				t.Fatal("no mistake was found")
			}
			got := shown(errs)
			for _, secret := range []string{"hunter", "c3RhY2s6", "horse", "staple", "12345678", "swordfish", "pa${ss}"} {
				if strings.Contains(got, secret) {
					t.Errorf("the secret %q is shown", secret)
				}
			}
			golden := strings.TrimSuffix(file, ".yaml") + ".txt"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// The files in testdata/good have no mistakes.
func TestGoodPlans(t *testing.T) {
	files, err := filepath.Glob("testdata/good/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files in testdata/good, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			p, errs := plan.Load(t.Context(), file, plan.Options{})
			if len(errs) > 0 {
				t.Fatal(shown(errs))
			}
			if len(p.Steps) == 0 {
				t.Error("no steps")
			}
		})
	}
}
