package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/bayplan/bayplan/internal/dev/bench/child"
	"github.com/bayplan/bayplan/internal/dev/bench/measure"
)

// An uploadComparison compares bayplan's glance-upload with curl, which sends the
// same file to the same Glance. curl does nothing else: the login and the image
// record are made beforehand, and it does not check the result.
type uploadComparison struct {
	*bench
	cloud       *cloud
	curl        measure.Samples
	bayplan     measure.Samples // a first upload
	digestKnown measure.Samples // an upload of a file with a recorded digest, as after untar
	secondRun   measure.Samples // a run with the image there
}

const (
	uploadScript = "internal/dev/integration/openstack.sh"
	uploadSize   = 1 << 30
	uploadName   = "bench"
	// uploadMost is the goal for bayplan's time as a multiple of curl's.
	uploadMost = 1.05
)

// compareUpload runs the comparison of upload.
func compareUpload(ctx context.Context, b *bench, w io.Writer) (_ []goal, err error) {
	u := &uploadComparison{bench: b}
	if err := measure.Quiet(ctx, "internal/dev/integration/install.sh", "keystone", "glance-api", "uwsgi-plugin-python3", "curl"); err != nil {
		return nil, fmt.Errorf("install Debian's packages: %w", err)
	}
	if err := u.makeFile(); err != nil {
		return nil, err
	}
	if u.cloud, err = startCloud(ctx, filepath.Join(b.dir, "work", "cloud")); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, u.cloud.run.Stop()) }()
	for n := range u.runs {
		fmt.Fprintf(u.log, "bench: upload %d\n", n+1)
		tools := []func(context.Context) error{u.runCurl, u.runBayplan}
		if err := errors.Join(tools[n%2](ctx), tools[1-n%2](ctx)); err != nil {
			return nil, err
		}
	}
	u.report(w)
	return u.goals(), nil
}

func (u *uploadComparison) path() string { return filepath.Join(u.dir, "upload-1.raw") }

// makeFile makes the file to upload unless it exists.
func (u *uploadComparison) makeFile() error {
	if fi, err := os.Stat(u.path()); err == nil && fi.Size() == uploadSize {
		return nil
	}
	fmt.Fprintln(u.log, "bench: make", u.path())
	f, err := os.Create(u.path() + ".new")
	if err != nil {
		return err
	}
	if err := errors.Join(writeImage(f, 7, uploadSize), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), u.path())
}

// runCurl measures curl.
func (u *uploadComparison) runCurl(ctx context.Context) error {
	dir, err := u.emptyDir(ctx, "curl")
	if err != nil {
		return err
	}
	id, err := u.cloud.createImage(ctx)
	if err != nil {
		return err
	}
	s, err := measure.Run(ctx, dir, []string{
		"curl", "-sSf", "-T", u.path(), "-H", "X-Auth-Token: " + u.cloud.token,
		"-H", "Content-Type: application/octet-stream", u.cloud.glance + "/v2/images/" + id + "/file",
	})
	if err != nil {
		return err
	}
	u.curl = append(u.curl, s)
	return u.cloud.checkImage(ctx)
}

// runBayplan measures bayplan three times: a first upload, a second run, and an
// upload into an empty Glance with the digest of the file known.
func (u *uploadComparison) runBayplan(ctx context.Context) error {
	dir, err := u.emptyDir(ctx, bayplanName)
	if err != nil {
		return err
	}
	plan := fmt.Sprintf("apiVersion: bayplan/v1\nname: bench\nconnections: {clouds: {c: {cloud: bayplan}}}\nsteps:\n"+
		"  images: {type: glance-upload, with: {cloud: c, images: [{name: %s, file: %q, disk_format: raw}]}}\n", uploadName, u.path())
	clouds, err := os.ReadFile(filepath.Join(u.cloud.dir, "clouds.yaml"))
	if err != nil {
		return err
	}
	if err := errors.Join(os.WriteFile(filepath.Join(dir, "bayplan.yaml"), []byte(plan), 0o600),
		os.WriteFile(filepath.Join(dir, "clouds.yaml"), clouds, 0o600)); err != nil {
		return err
	}
	for _, round := range []struct {
		to    *measure.Samples
		empty bool
	}{{&u.bayplan, false}, {&u.secondRun, false}, {&u.digestKnown, true}} {
		if round.empty {
			if err := u.cloud.empty(ctx); err != nil {
				return err
			}
			if err := u.prepareMachine(ctx); err != nil {
				return err
			}
		}
		s, err := measure.Run(ctx, dir, []string{u.options.bayplan, "apply"})
		if err != nil {
			return err
		}
		*round.to = append(*round.to, s)
		if err := u.cloud.checkImage(ctx); err != nil {
			return err
		}
	}
	return nil
}

// emptyDir makes an empty directory, empties Glance and flushes all writes to the
// disk.
func (u *uploadComparison) emptyDir(ctx context.Context, name string) (string, error) {
	dir := filepath.Join(u.dir, "work", "upload-"+name)
	return dir, errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o755), u.cloud.empty(ctx), u.prepareMachine(ctx))
}

func (u *uploadComparison) report(w io.Writer) {
	fmt.Fprintf(w, "\nupload of 1 GiB into Glance; medians of %d\n\n", u.runs)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "tool\ts\tfrom .. to\t/ curl\tCPU s\tMiB in memory")
	for _, row := range []struct {
		name string
		s    measure.Samples
	}{{"curl -T", u.curl}, {"bayplan", u.bayplan}, {"bayplan, digest known", u.digestKnown}, {"bayplan, image there", u.secondRun}} {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", row.name, seconds(row.s.WallTime()), row.s.WallRange(), ratio(row.s.WallTime(), u.curl.WallTime()),
			seconds(row.s.CPUTime()), peakText(row.s))
	}
	_ = t.Flush()
}

func (u *uploadComparison) goals() []goal {
	return []goal{
		atMost("upload / curl -T", quotient(u.bayplan.WallTime(), u.curl.WallTime()), uploadMost),
		atMost("upload of a file whose digest is known / curl -T", quotient(u.digestKnown.WallTime(), u.curl.WallTime()), uploadMost),
		// Hashing the file again would take more than a second.
		atMost("upload, second run / first", quotient(u.secondRun.WallTime(), u.bayplan.WallTime()), 0.25),
		flatMemory(max(u.bayplan.PeakMemory(), u.digestKnown.PeakMemory())),
	}
}

// A cloud is a Keystone and a Glance on the loopback interface.
type cloud struct {
	dir, keystone, glance string
	token                 string
	run                   *child.Process
}

// startCloud starts an empty cloud and logs in.
func startCloud(ctx context.Context, dir string) (*cloud, error) {
	if err := os.RemoveAll(dir); err != nil {
		return nil, err
	}
	c := &cloud{dir: dir}
	var ports []string
	for _, url := range []*string{&c.keystone, &c.glance} {
		// Neither server can report a port that it chose itself, so each gets a
		// port that was free a moment ago.
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer ln.Close()
		_, port, err := net.SplitHostPort(ln.Addr().String())
		if err != nil {
			return nil, err
		}
		*url = "http://" + ln.Addr().String()
		ports = append(ports, port)
		if err := ln.Close(); err != nil {
			return nil, err
		}
	}
	run, said, err := child.Start(ctx, "bash", uploadScript, dir, ports[0], ports[1])
	if err != nil {
		return nil, err
	}
	c.run = run
	if said != "ready" {
		return nil, errors.Join(fmt.Errorf("the cloud in %s says %q", dir, said), run.Stop())
	}
	if err := c.login(ctx); err != nil {
		return nil, errors.Join(err, run.Stop())
	}
	return c, nil
}

func (c *cloud) login(ctx context.Context) error {
	const who = `{"auth": {"identity": {"methods": ["password"], "password": {"user": {"name": "admin", "domain": {"id": "default"}, "password": "integration"}}},
		"scope": {"project": {"name": "admin", "domain": {"id": "default"}}}}}`
	resp, err := c.do(ctx, http.MethodPost, c.keystone+"/v3/auth/tokens", who)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	c.token = resp.Header.Get("X-Subject-Token")
	return nil
}

// do sends a request. A status of 400 or more is an error.
func (c *cloud) do(ctx context.Context, method, url, body string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	if c.token != "" {
		req.Header.Set("X-Auth-Token", c.token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode >= http.StatusBadRequest {
		defer resp.Body.Close()
		var why bytes.Buffer
		_, _ = io.CopyN(&why, resp.Body, 500)
		return nil, fmt.Errorf("%s %s: %s %s", method, url, resp.Status, why.Bytes())
	}
	return resp, nil
}

// A glanceImage is Glance's record of an image.
type glanceImage struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Status string `json:"status"`
	Size   int64  `json:"size"`
}

func (c *cloud) images(ctx context.Context) ([]glanceImage, error) {
	resp, err := c.do(ctx, http.MethodGet, c.glance+"/v2/images?limit=1000", "")
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var all struct{ Images []glanceImage }
	err = json.NewDecoder(resp.Body).Decode(&all)
	return all.Images, err
}

// createImage creates the record of an image and returns its id.
func (c *cloud) createImage(ctx context.Context) (string, error) {
	resp, err := c.do(ctx, http.MethodPost, c.glance+"/v2/images", fmt.Sprintf(`{"name": %q, "disk_format": "raw", "container_format": "bare"}`, uploadName))
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	var img glanceImage
	err = json.NewDecoder(resp.Body).Decode(&img)
	return img.ID, err
}

// empty deletes all images.
func (c *cloud) empty(ctx context.Context) error {
	all, err := c.images(ctx)
	if err != nil {
		return err
	}
	for _, img := range all {
		resp, err := c.do(ctx, http.MethodDelete, c.glance+"/v2/images/"+img.ID, "")
		if err != nil {
			return err
		}
		if err := resp.Body.Close(); err != nil {
			return err
		}
	}
	return nil
}

// checkImage checks that the measured run uploaded the image.
func (c *cloud) checkImage(ctx context.Context) error {
	all, err := c.images(ctx)
	if err != nil {
		return err
	}
	if len(all) != 1 || all[0].Name != uploadName || all[0].Status != "active" || all[0].Size != uploadSize {
		return fmt.Errorf("glance holds %+v", all)
	}
	return nil
}
