package main

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/bayplan/bayplan/internal/cloudserver"
	"github.com/bayplan/bayplan/internal/dev/bench/measure"
)

// testCloud starts an embedded cloud.
func testCloud(t *testing.T) *cloud {
	t.Helper()
	emb, err := cloudserver.New(cloudserver.Config{Password: "integration"})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(emb)
	t.Cleanup(func() {
		srv.Close()
		if err := emb.Close(); err != nil {
			t.Error(err)
		}
	})
	return &cloud{keystone: srv.URL, glance: srv.URL + "/image"}
}

func TestUploadingLooksAtWhatIsThere(t *testing.T) {
	c := testCloud(t)
	if _, err := c.images(t.Context()); err == nil {
		t.Error("a cloud shows its images to everybody")
	}
	if err := c.login(t.Context()); err != nil || c.token == "" {
		t.Fatalf("token %q, %v", c.token, err)
	}
	if err := c.checkImage(t.Context()); err == nil {
		t.Error("nothing is there, but the check passes")
	}
	id, err := c.createImage(t.Context())
	if err != nil || id == "" {
		t.Fatalf("id %q, %v", id, err)
	}
	if err := c.checkImage(t.Context()); err == nil || !strings.Contains(err.Error(), "queued") {
		t.Errorf("got error %v", err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, c.glance+"/v2/images/"+id+"/file", bytes.NewReader(make([]byte, 100)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Auth-Token", c.token)
	req.Header.Set("Content-Type", "application/octet-stream")
	resp, err := http.DefaultClient.Do(req)
	if err != nil || resp.StatusCode != http.StatusNoContent {
		t.Fatalf("%v, %v", resp, err)
	}
	if err := errors.Join(resp.Body.Close(), c.checkImage(t.Context())); err == nil || !strings.Contains(err.Error(), "100") {
		t.Errorf("an image of another size: %v", err)
	}
	if err := c.empty(t.Context()); err != nil {
		t.Fatal(err)
	}
	if all, err := c.images(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("left: %v, %v", all, err)
	}
}

func TestUploadingMakesItsFileOnce(t *testing.T) {
	u := &uploadComparison{bench: &bench{options: options{dir: t.TempDir()}}}
	if err := os.WriteFile(u.path(), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(u.path(), uploadSize); err != nil {
		t.Fatal(err)
	}
	if err := u.makeFile(); err != nil { // making the file would panic: there is no log
		t.Error(err)
	}
}

func TestUploadingReport(t *testing.T) {
	of := func(wall time.Duration) measure.Samples {
		return measure.Samples{{Wall: wall, CPU: time.Second, Memory: 20 << 20}}
	}
	u := &uploadComparison{
		bench: &bench{options: options{runs: 1}},
		curl:  of(10 * time.Second), bayplan: of(11 * time.Second), digestKnown: of(10 * time.Second), secondRun: of(time.Second),
	}
	var b bytes.Buffer
	u.report(&b)
	for _, want := range []string{"curl -T                10.00", "bayplan                11.00  11.00 .. 11.00  1.10", "bayplan, image there   1.00"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the report does not have %q:\n%s", want, b.String())
		}
	}
	if missed := printGoals(&b, u.goals()); missed != 1 || !strings.Contains(b.String(), "MISSED  upload / curl -T, at most 1.05: 1.10") {
		t.Errorf("missed %d:\n%s", missed, b.String())
	}
}
