package glance_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/glance"
)

func TestBackup(t *testing.T) {
	for created, want := range map[string]string{
		"2018-07-09T18:43:18Z":       "overcloud-full_20180709T184318Z",
		"2015-07-31T14:37:22.000000": "overcloud-full_20150731T143722",
		"2021-10-15T14:12:10":        "overcloud-full_20211015T14121",
	} {
		if got := glance.Backup(glance.Image{Name: "overcloud-full", CreatedAt: created}); got != want {
			t.Errorf("%s: got %s, want %s", created, got, want)
		}
	}
}

// A summary is a decision with the ids of its images only.
type summary struct {
	Keep, Staged  string
	SetProperties map[string]string
	SetVisibility bool
	Old, Leftover []string
	Reason        string
	Foreign       []string
}

func summarize(d glance.Decision) summary {
	id := func(i *glance.Image) string {
		if i == nil {
			return ""
		}
		return i.ID
	}
	ids := func(all []glance.Image) (s []string) {
		for _, i := range all {
			s = append(s, i.ID)
		}
		return s
	}
	return summary{id(d.Keep), id(d.Staged), d.SetProperties, d.SetVisibility, ids(d.Old), ids(d.Leftover), d.Reason, ids(d.Foreign)}
}

func TestDecide(t *testing.T) {
	data := content("new", 100)
	w := want(name, data)
	const kernel = "3a7f5849-f332-4b5b-a162-4163644e4b5f"
	mark := func(s string) map[string]string { return map[string]string{"kernel_id": kernel, glance.Marker: s} }
	image := func(id string, change func(*glance.Image)) glance.Image {
		i := glance.Image{
			ID: id, Name: name, Status: glance.Active, Size: 100, HashAlgo: "sha512", Hash: w.SHA512,
			DiskFormat: "qcow2", ContainerFormat: "bare", Visibility: "public", Properties: map[string]string{"kernel_id": kernel},
			CreatedAt: "2018-07-09T18:43:18Z",
		}
		if change != nil {
			change(&i)
		}
		return i
	}
	right := image("right", nil)
	old := image("old", func(i *glance.Image) { i.Hash = "beef" })
	staged := func(id, status string) glance.Image {
		return image(id, func(i *glance.Image) {
			i.Name, i.Status, i.Properties = w.StagingName(), status, mark("sha512:"+w.SHA512)
		})
	}
	useless := image("useless", func(i *glance.Image) { i.Name, i.Properties = w.StagingName(), mark("sha512:beef") })
	ours := image("ours", func(i *glance.Image) { i.Properties = mark("sha512:" + w.SHA512) })
	younger := image("younger", func(i *glance.Image) { i.Properties, i.CreatedAt = ours.Properties, "2018-07-09T18:43:19Z" })
	other := image("other", func(i *glance.Image) { i.Properties = ours.Properties })
	useless2 := image("useless2", func(i *glance.Image) { i.Hash, i.Properties = "beef", mark("sha512:beef") })
	older2 := image("older2", func(i *glance.Image) { i.Size, i.Properties = 1, mark("sha512:bead") })
	of := func(id, run string, age time.Duration) glance.Image {
		i := staged(id, glance.Saving)
		i.Properties[glance.Run], i.UpdatedAt = run, time.Now().Add(-age).UTC().Format(time.RFC3339)
		return i
	}
	running, dead := of("running", "another host", 20*time.Hour), of("dead", "another host", 30*time.Hour)

	for _, tc := range []struct {
		name string
		seen []glance.Image
		want summary
	}{
		{"nothing there", nil, summary{}},
		{"other names only", []glance.Image{image("x", func(i *glance.Image) { i.Name = "other" })}, summary{}},
		{"right", []glance.Image{right}, summary{Keep: "right"}},
		{"other content", []glance.Image{old}, summary{Old: []string{"old"}, Reason: "its content differs"}},
		{"other size", []glance.Image{image("x", func(i *glance.Image) { i.Size = 7 })}, summary{Old: []string{"x"}, Reason: "its content differs"}},
		{
			"other format",
			[]glance.Image{image("x", func(i *glance.Image) { i.DiskFormat = "raw" })},
			summary{Old: []string{"x"}, Reason: "its disk format is raw, not qcow2"},
		},
		{
			"by its digest, in another container",
			[]glance.Image{image("x", func(i *glance.Image) { i.ContainerFormat = "aki" })},
			summary{Keep: "x"},
		},
		{
			"stale property",
			[]glance.Image{image("x", func(i *glance.Image) { i.Properties["kernel_id"] = "gone" })},
			summary{Keep: "x", SetProperties: map[string]string{"kernel_id": kernel}},
		},
		{
			"no property",
			[]glance.Image{image("x", func(i *glance.Image) { i.Properties = nil })},
			summary{Keep: "x", SetProperties: map[string]string{"kernel_id": kernel}},
		},
		{"private", []glance.Image{image("x", func(i *glance.Image) { i.Visibility = "private" })}, summary{Keep: "x", SetVisibility: true}},
		{
			"by MD5, in a cloud without other digests",
			[]glance.Image{image("x", func(i *glance.Image) { i.HashAlgo, i.Hash = "", ""; i.MD5, _ = w.Sum(t.Context(), "md5") })},
			summary{Keep: "x"},
		},
		{
			"other by MD5",
			[]glance.Image{image("x", func(i *glance.Image) { i.HashAlgo, i.Hash, i.MD5 = "", "", "beef" })},
			summary{Old: []string{"x"}, Reason: "its content differs"},
		},
		{
			"by SHA-256",
			[]glance.Image{image("x", func(i *glance.Image) { i.HashAlgo = "sha256"; i.Hash, _ = w.Sum(t.Context(), "sha256") })},
			summary{Keep: "x"},
		},
		{
			"no digest at all",
			[]glance.Image{image("x", func(i *glance.Image) { i.HashAlgo, i.Hash = "", "" })},
			summary{Old: []string{"x"}, Reason: "its content differs"},
		},
		{
			"a foreign record",
			[]glance.Image{image("x", func(i *glance.Image) { i.Status = glance.Queued })},
			summary{Old: []string{"x"}, Reason: "it is queued"},
		},
		{
			"right, and a foreign record",
			[]glance.Image{right, image("x", func(i *glance.Image) { i.Status = glance.Saving })},
			summary{Keep: "right", Old: []string{"x"}, Reason: "it is saving"},
		},
		{"our queued record", []glance.Image{staged("s", glance.Queued)}, summary{Staged: "s"}},
		{"our whole image", []glance.Image{staged("s", glance.Active), old}, summary{Staged: "s", Old: []string{"old"}, Reason: "its content differs"}},
		{
			"several of ours: the one that is furthest",
			[]glance.Image{staged("a", glance.Saving), staged("b", glance.Active), staged("c", glance.Queued)},
			summary{Staged: "b", Leftover: []string{"a", "c"}},
		},
		{"ours for other content", []glance.Image{useless}, summary{Leftover: []string{"useless"}}},
		{"ours in a state of no use", []glance.Image{staged("s", "killed")}, summary{Leftover: []string{"s"}}},
		{"ours, when all is right", []glance.Image{staged("s", glance.Active), right}, summary{Keep: "right", Leftover: []string{"s"}}},
		{"a staging name that is not ours", []glance.Image{image("x", func(i *glance.Image) { i.Name = w.StagingName() })}, summary{}},
		{"two, one of them made here for this content", []glance.Image{old, ours}, summary{Keep: "ours", Old: []string{"old"}, Reason: "its content differs"}},
		{"twins of ours: the oldest stays", []glance.Image{younger, ours}, summary{Keep: "ours", Old: []string{"younger"}}},
		{"twins of ours of one second: the smallest id stays", []glance.Image{ours, other}, summary{Keep: "other", Old: []string{"ours"}}},
		{"three twins of ours", []glance.Image{younger, other, ours}, summary{Keep: "other", Old: []string{"younger", "ours"}}},
		{"a twin that others made stays", []glance.Image{ours, right}, summary{Keep: "right", Old: []string{"ours"}}},
		{"two of ours for other content", []glance.Image{useless2, older2}, summary{Old: []string{"useless2", "older2"}, Reason: "its content differs"}},
		{"another run's record", []glance.Image{running}, summary{Foreign: []string{"running"}}},
		{"by its digest, beside another run's record", []glance.Image{running, right}, summary{Keep: "right", Foreign: []string{"running"}}},
		{"a dead run's record", []glance.Image{dead}, summary{Leftover: []string{"dead"}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d, err := glance.Decide(t.Context(), w, tc.seen)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, summarize(d)); diff != "" {
				t.Errorf("decision (-want +got):\n%s", diff)
			}
			if done := tc.name == "right" || strings.HasPrefix(tc.name, "by "); d.Done() != done {
				t.Errorf("done: got %v", d.Done())
			}
		})
	}

	for name, seen := range map[string][]glance.Image{
		"two right ones":              {right, image("right2", nil)},
		"two wrong ones":              {old, image("old2", func(i *glance.Image) { i.Size = 1 })},
		"a right one that is foreign": {old, right},
		"three":                       {old, old, ours},
		"two right foreign, one ours": {right, image("right2", nil), ours},
	} {
		t.Run("duplicates: "+name, func(t *testing.T) {
			_, err := glance.Decide(t.Context(), w, seen)
			if err == nil || fault.Hint(err) == "" {
				t.Fatalf("got error %v", err)
			}
			for _, img := range seen {
				if !strings.Contains(err.Error(), img.ID+" (of 2018-07-09T18:43:18Z)") {
					t.Errorf("error %v does not name %s", err, img.ID)
				}
			}
		})
	}
}

func TestDecideToldOfAFileThatCannotBeRead(t *testing.T) {
	w := want(name, content("new", 100))
	broken := errors.New("input/output error")
	w.Sum = func(context.Context, string) (string, error) { return "", broken }
	_, err := glance.Decide(t.Context(), w, []glance.Image{{
		Name: name, Status: glance.Active, Size: 100, MD5: "beef", DiskFormat: "qcow2", ContainerFormat: "bare",
	}})
	if !errors.Is(err, broken) {
		t.Errorf("got error %v", err)
	}
}
