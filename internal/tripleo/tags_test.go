package tripleo_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/labels"
	"github.com/bayplan/bayplan/internal/tripleo"
)

// A sampleRegistry serves the sample images of rhosp13.
type sampleRegistry struct {
	host   string
	labels map[string]map[string]string // by repository
	tags   map[string]bool              // references
	wrong  map[string]error             // by repository

	mu    sync.Mutex // lookups run in parallel
	asked map[string]int
}

func newSample(t *testing.T) *sampleRegistry {
	t.Helper()
	images, err := tripleo.SampleImages("rhosp13")
	if err != nil {
		t.Fatal(err)
	}
	r := &sampleRegistry{
		host:   "registry.access.redhat.com",
		labels: map[string]map[string]string{},
		tags:   map[string]bool{},
		wrong:  map[string]error{},
		asked:  map[string]int{},
	}
	for _, image := range images {
		r.labels[image.Repository] = map[string]string{"version": image.Version, "release": image.Release}
		for _, tag := range image.Tags() {
			r.tags[r.host+"/"+image.Repository+":"+tag] = true
		}
	}
	return r
}

func (r *sampleRegistry) Labels(_ context.Context, ref string) (map[string]string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked[ref]++
	repository := strings.TrimPrefix(ref[:strings.LastIndex(ref, ":")], r.host+"/")
	if err := r.wrong[repository]; err != nil {
		return nil, err
	}
	if !r.tags[ref] {
		return nil, fmt.Errorf("%s: not found", ref)
	}
	return maps.Clone(r.labels[repository]), nil
}

func (r *sampleRegistry) HasTag(_ context.Context, ref string) (bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.tags[ref], nil
}

var errRefused = errors.New("192.0.2.1:443: connection refused")

func image(repository string) tripleo.Image {
	return tripleo.Image{Name: "registry.access.redhat.com/rhosp13/openstack-" + repository, Tag: "latest", TagFromLabel: "{version}-{release}"}
}

func TestDiscoverTags(t *testing.T) {
	reg := newSample(t)
	images := []tripleo.Image{image("cron"), image("aodh-api"), image("cron")}
	got, err := tripleo.DiscoverTags(t.Context(), images, reg)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{image("cron").Lookup(): "13.0-43", image("aodh-api").Lookup(): "13.0-40"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
	if n := reg.asked[image("cron").Ref()]; n != 1 {
		t.Errorf("labels of one name asked for %d times", n)
	}
	tagged := tripleo.WithTags(images, got)
	if ref := tagged[2].Ref(); ref != image("cron").Name+":13.0-43" {
		t.Errorf("tagged = %s", ref)
	}
	if images[2].Tag != "latest" {
		t.Error("WithTags changed the images it was given")
	}
}

func TestDiscoverTagsFallsBackOnlyWithOwnTag(t *testing.T) {
	reg := newSample(t)
	delete(reg.labels["rhosp13/openstack-cron"], "release")
	own := image("cron")
	own.OwnTag = true
	got, err := tripleo.DiscoverTags(t.Context(), []tripleo.Image{own}, reg)
	if err != nil {
		t.Fatal(err)
	}
	if got[own.Lookup()] != "latest" {
		t.Errorf("tag = %q, want its own", got[own.Lookup()])
	}
	_, err = tripleo.DiscoverTags(t.Context(), []tripleo.Image{image("cron")}, reg)
	var missing *labels.MissingError
	if !errors.As(err, &missing) || missing.Label != "release" {
		t.Fatalf("error = %v", err)
	}
	wantWords(t, err, "rhosp13/openstack-cron:latest", `"release"`, "the labels are version")
	if fault.Hint(err) == "" {
		t.Error("no hint")
	}
}

func TestDiscoverTagsReportsAll(t *testing.T) {
	refused := fault.AsConnection(errors.New("192.0.2.1:443: connection refused"))
	reg := newSample(t)
	reg.wrong["rhosp13/openstack-cron"] = refused
	delete(reg.labels["rhosp13/openstack-redis"], "version")
	delete(reg.tags, image("horizon").Name+":13.0-38")
	reg.labels["rhosp13/openstack-iscsid"]["release"] = "a b"
	reg.wrong["rhosp13/openstack-keystone"] = errors.New("192.0.2.1:443: connection refused")
	images := []tripleo.Image{
		image("cron"), image("redis"), image("horizon"), image("iscsid"), image("keystone"), image("aodh-api"),
	}
	_, err := tripleo.DiscoverTags(t.Context(), images, reg)
	wantWords(t, err,
		"192.0.2.1:443: connection refused",
		`openstack-redis:latest: no label "version"`,
		"openstack-horizon:13.0-38 is not in the registry",
		`openstack-iscsid:latest: its labels give the tag "13.0-a b", which is not a valid tag`)
	if lines := strings.Count(err.Error(), "\n") + 1; lines != 4 {
		t.Errorf("%d lines, want 4:\n%v", lines, err)
	}
	if !errors.Is(err, refused) || !fault.IsConnection(err) {
		t.Error("the cause cannot be asked for")
	}
}

func TestDiscoverTagsStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	reg := newSample(t)
	_, err := tripleo.DiscoverTags(ctx, []tripleo.Image{image("cron")}, reg)
	if !errors.Is(err, context.Canceled) || strings.Contains(err.Error(), "\n") {
		t.Errorf("error = %v", err)
	}
	if len(reg.asked) != 0 {
		t.Error("asked after the end")
	}
}

func wantWords(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error lacks %q:\n%v", w, err)
		}
	}
}
