package glance_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/glance"
)

// Wherever a run dies that hashes or unpacks on the way, the next one ends
// where an undisturbed one does.
func TestConvergeOfUnknownContentAfterADeathAtAnyRequest(t *testing.T) {
	data := content("new", 5000)
	for how, change := range map[string]func(*glance.Want){
		"hashed on the way":   func(w *glance.Want) { w.SHA512 = "" },
		"unpacked on the way": func(w *glance.Want) { w.SHA512, w.Source = "", "sha512:source" },
	} {
		t.Run(how, func(t *testing.T) {
			for n, done := 0, false; !done; n++ {
				for _, after := range []bool{false, true} {
					w := want(name, data)
					digest := w.SHA512
					change(&w)
					w.Sum = func(context.Context, string) (string, error) { return digest, nil }
					if w.Source != "" {
						w.Sum = func(context.Context, string) (string, error) { return "", errors.New("nobody knows") }
					}
					emb := newCloud(t)
					_, err := converge(t, mortalClient(t, emb, n, after), w)
					done = err == nil
					mustConverge(t, inside(t, emb), w)
					checkHolds(t, inside(t, emb), w)
					checkMarked(t, inside(t, emb), digest)
				}
				if n > 50 {
					t.Fatal("never gets through")
				}
			}
		})
	}
}

// Of images that had the name before only the newest stay, and only those that
// are called by their own time go.
func TestConvergeKeepsTheNewest(t *testing.T) {
	img := func(name, at, status string) glance.Image {
		return glance.Image{ID: name + at, Name: name, Status: status, CreatedAt: at, Size: 1, DiskFormat: "qcow2"}
	}
	const a, b, c = "2018-07-09T18:43:18Z", "2019-07-09T18:43:18Z", "2020-07-09T18:43:18Z"
	seen := []glance.Image{
		img("x_20180709T184318Z", a, glance.Active), img("x_20190709T184318Z", b, glance.Active),
		img("x_20180709T184318Z", c, glance.Active), // of another time
		img("y_20180709T184318Z", a, glance.Active), // of another name
		img("x_20180709T184318Z", a, glance.Queued), // somebody is at it
		{ID: "protected", Name: "x_20170709T184318Z", Status: glance.Active, CreatedAt: "2017-07-09T18:43:18Z", Protected: true},
		img("x", c, glance.Active),
	}
	for keep, want := range map[int][]string{
		0: {"x_20180709T184318Z" + a, "x_20190709T184318Z" + b, "x" + c}, 1: {"x_20180709T184318Z" + a, "x_20190709T184318Z" + b},
		2: {"x_20180709T184318Z" + a}, 3: nil,
	} {
		w := plainWant("x")
		w.Replace, w.Keep = true, keep
		d, err := glance.Decide(t.Context(), w, seen)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, img := range d.Delete {
			got = append(got, img.ID)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("keep %d (-want +got):\n%s", keep, diff)
		}
	}
}

func plainWant(name string) glance.Want {
	return want(name, content("new", 100))
}
