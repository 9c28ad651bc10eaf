package cloudserver_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/internal/cloudserver"
)

const (
	idA    = "11111111-1111-4111-8111-111111111111"
	idB    = "22222222-2222-4222-8222-222222222222"
	octets = "application/octet-stream"
	patch  = "application/openstack-images-v2.1-json-patch"
)

// A raw is a client that sends requests unchecked.
type raw struct {
	t     *testing.T
	h     http.Handler
	token string
}

func rawClient(t *testing.T, conf cloudserver.Config) raw {
	t.Helper()
	c := open(t, conf)
	return raw{t, c, token(t, c)}
}

func (r raw) do(method, path, kind, body string) *httptest.ResponseRecorder {
	r.t.Helper()
	req := httptest.NewRequestWithContext(r.t.Context(), method, "http://cloud"+path, strings.NewReader(body))
	req.Header.Set("X-Auth-Token", r.token)
	req.Header.Set("Accept", "application/json")
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	w := httptest.NewRecorder()
	r.h.ServeHTTP(w, req)
	return w
}

func (r raw) want(status int, method, path, kind, body string) *httptest.ResponseRecorder {
	r.t.Helper()
	w := r.do(method, path, kind, body)
	if w.Code != status {
		r.t.Fatalf("%s %s %s: got %d %s, want %d", method, path, body, w.Code, w.Body, status)
	}
	return w
}

// image makes an image, which is active if it has data.
func (r raw) image(id, attributes string, data ...string) {
	r.t.Helper()
	r.want(201, "POST", "/image/v2/images", "application/json",
		`{"id":"`+id+`","disk_format":"raw","container_format":"bare"`+attributes+`}`)
	for _, d := range data {
		r.want(204, "PUT", "/image/v2/images/"+id+"/file", octets, d)
	}
}

func TestCreate(t *testing.T) {
	for name, tc := range map[string]struct {
		body string
		want int
	}{
		"nothing at all":      {`{}`, 201},
		"no name":             {`{"name":null}`, 201},
		"empty name":          {`{"name":""}`, 201},
		"same name":           {`{"name":"there"}`, 201},
		"kernel":              {`{"kernel_id":"` + idA + `"}`, 201},
		"no kernel":           {`{"kernel_id":null}`, 201},
		"same id":             {`{"id":"` + idA + `"}`, 409},
		"deleted id":          {`{"id":"` + idB + `"}`, 409},
		"id is not a UUID":    {`{"id":"../../etc/passwd"}`, 400},
		"id that is a number": {`{"id":1}`, 400},
		"kernel by name":      {`{"kernel_id":"overcloud-full-vmlinuz"}`, 400},
		"empty ramdisk":       {`{"ramdisk_id":""}`, 400},
		"number as property":  {`{"hw_cpus":4}`, 400},
		"null as property":    {`{"hw_cpus":null}`, 400},
		"object as property":  {`{"properties":{"a":"b"}}`, 400},
		"list as property":    {`{"a":["b"]}`, 400},
		"unknown disk format": {`{"disk_format":"floppy"}`, 400},
		"unknown container":   {`{"container_format":"box"}`, 400},
		"unknown visibility":  {`{"visibility":"secret"}`, 400},
		"text as flag":        {`{"protected":"yes"}`, 400},
		"negative min_disk":   {`{"min_disk":-1}`, 400},
		"fraction":            {`{"min_ram":1.5}`, 400},
		"tags that are text":  {`{"tags":"a"}`, 400},
		"empty tag":           {`{"tags":[""]}`, 201},
		"reserved prefix":     {`{"os_glance_import":"x"}`, 403},
		"long tag":            {`{"tags":["` + strings.Repeat("a", 256) + `"]}`, 400},
		"many tags":           {`{"tags":["` + manyTags(129) + `"]}`, 413},
		"long name":           {`{"name":"` + strings.Repeat("a", 256) + `"}`, 400},
		"longest name":        {`{"name":"` + strings.Repeat("ä", 255) + `"}`, 201},
		"size":                {`{"size":1}`, 403},
		"status":              {`{"status":"active"}`, 403},
		"hash":                {`{"os_hash_value":"00"}`, 201},
		"checksum":            {`{"checksum":"00"}`, 403},
		"location":            {`{"location":"file:///etc/passwd"}`, 403},
		"deleted":             {`{"deleted":true}`, 403},
		"no JSON":             {`name=a`, 400},
		"a list":              {`[]`, 400},
		"too much":            {`{"a":"` + strings.Repeat("a", 1<<20) + `"}`, 413},
	} {
		t.Run(name, func(t *testing.T) {
			r := rawClient(t, cloudserver.Config{})
			r.image(idA, `,"name":"there"`)
			r.image(idB, "")
			r.want(204, "DELETE", "/image/v2/images/"+idB, "", "")
			r.want(tc.want, "POST", "/image/v2/images", "application/json", tc.body)
		})
	}
}

func manyTags(n int) string {
	tags := make([]string, n)
	for i := range tags {
		tags[i] = strings.Repeat("t", i+1)
	}
	return strings.Join(tags, `","`)
}

func TestPatch(t *testing.T) {
	for name, tc := range map[string]struct {
		ops  string
		want int
	}{
		"add":                       {`[{"op":"add","path":"/b","value":"1"}]`, 200},
		"escaped name":              {`[{"op":"add","path":"/a~1b~0c","value":"1"}]`, 200},
		"add over":                  {`[{"op":"add","path":"/a","value":"2"}]`, 200},
		"replace":                   {`[{"op":"replace","path":"/a","value":"2"}]`, 200},
		"remove":                    {`[{"op":"remove","path":"/a"}]`, 200},
		"rename":                    {`[{"op":"replace","path":"/name","value":"x"}]`, 200},
		"hide":                      {`[{"op":"replace","path":"/os_hidden","value":true}]`, 200},
		"tags":                      {`[{"op":"replace","path":"/tags","value":["x"]}]`, 200},
		"nothing":                   {`[]`, 200},
		"replace what is not there": {`[{"op":"replace","path":"/b","value":"2"}]`, 409},
		"remove what is not there":  {`[{"op":"remove","path":"/b"}]`, 409},
		"remove an attribute":       {`[{"op":"remove","path":"/name"}]`, 403},
		"id":                        {`[{"op":"replace","path":"/id","value":"` + idB + `"}]`, 403},
		"hash":                      {`[{"op":"replace","path":"/os_hash_value","value":"00"}]`, 403},
		"status":                    {`[{"op":"replace","path":"/status","value":"queued"}]`, 403},
		"locations":                 {`[{"op":"add","path":"/locations/-","value":{}}]`, 400},
		"format of active":          {`[{"op":"replace","path":"/disk_format","value":"qcow2"}]`, 403},
		"bad kernel":                {`[{"op":"add","path":"/kernel_id","value":"x"}]`, 400},
		"number":                    {`[{"op":"add","path":"/b","value":1}]`, 400},
		"no value":                  {`[{"op":"add","path":"/b"}]`, 400},
		"no path":                   {`[{"op":"add","value":"1"}]`, 400},
		"path of two":               {`[{"op":"add","path":"/a/b","value":"1"}]`, 400},
		"path without slash":        {`[{"op":"add","path":"a","value":"1"}]`, 400},
		"unknown op":                {`[{"op":"test","path":"/a","value":"1"}]`, 400},
		"half good":                 {`[{"op":"replace","path":"/a","value":"2"},{"op":"remove","path":"/b"}]`, 409},
		"no list":                   {`{"op":"add","path":"/b","value":"1"}`, 400},
	} {
		t.Run(name, func(t *testing.T) {
			r := rawClient(t, cloudserver.Config{Now: stepClock()})
			r.image(idA, `,"a":"1","name":"n"`, "hello")
			before := r.want(200, "GET", "/image/v2/images/"+idA, "", "").Body.String()
			r.want(tc.want, "PATCH", "/image/v2/images/"+idA, patch, tc.ops)
			after := r.want(200, "GET", "/image/v2/images/"+idA, "", "").Body.String()
			if same := before == after; same != (tc.want != 200) {
				t.Errorf("before: %s\nafter: %s", before, after)
			}
		})
	}
	r := rawClient(t, cloudserver.Config{})
	r.image(idA, "")
	r.want(415, "PATCH", "/image/v2/images/"+idA, "application/json", `[]`)
	r.want(404, "PATCH", "/image/v2/images/"+idB, patch, `[]`)
	r.want(200, "PATCH", "/image/v2/images/"+idA, patch, `[{"op":"replace","path":"/disk_format","value":"qcow2"}]`)
}

func TestStates(t *testing.T) {
	r := rawClient(t, cloudserver.Config{})
	file := "/image/v2/images/" + idA + "/file"
	r.want(404, "PUT", file, octets, "hello")
	r.want(415, "PUT", file, "", "hello")
	r.want(201, "POST", "/image/v2/images", "", `{"id":"`+idA+`","protected":true}`)
	r.want(400, "PUT", file, octets, "hello")
	r.want(204, "GET", file, "", "")
	r.want(200, "PATCH", "/image/v2/images/"+idA, patch,
		`[{"op":"add","path":"/disk_format","value":"raw"},{"op":"add","path":"/container_format","value":"bare"}]`)
	r.want(204, "PUT", file, octets, "hello")
	r.want(409, "PUT", file, octets, "other")
	if got := r.want(200, "GET", file, "", ""); got.Body.String() != "hello" || got.Header().Get("Content-MD5") != helloMD5 {
		t.Errorf("the data are %q, %v", got.Body, got.Header())
	}
	r.want(403, "DELETE", "/image/v2/images/"+idA, "", "")
	r.want(200, "PATCH", "/image/v2/images/"+idA, patch, `[{"op":"replace","path":"/protected","value":false}]`)
	r.want(204, "DELETE", "/image/v2/images/"+idA, "", "")
	r.want(404, "DELETE", "/image/v2/images/"+idA, "", "")
	r.want(404, "GET", file, "", "")
	r.want(404, "PUT", file, octets, "hello")
}

func TestVirtualSize(t *testing.T) {
	qcow2 := "QFI\xfb\x00\x00\x00\x03" + strings.Repeat("\x00", 16) + "\x00\x00\x00\x0a\x00\x00\x00\x00" + strings.Repeat("\x00", 72)
	for name, tc := range map[string]struct {
		format, data string
		want         any
	}{
		"qcow2":            {"qcow2", qcow2, float64(10 << 32)},
		"called qcow2":     {"qcow2", "<html>this is no disk, and long enough to hold a header</html>", nil},
		"cut qcow2 header": {"qcow2", qcow2[:31], nil},
		"empty qcow2":      {"qcow2", "", nil},
		"raw":              {"raw", "hello", float64(5)},
		"kernel":           {"aki", "hello", nil},
	} {
		t.Run(name, func(t *testing.T) {
			r := rawClient(t, cloudserver.Config{})
			r.want(201, "POST", "/image/v2/images", "", `{"id":"`+idA+`","container_format":"bare","disk_format":"`+tc.format+`"}`)
			r.want(204, "PUT", "/image/v2/images/"+idA+"/file", octets, tc.data)
			got := decodeBody(t, r.want(200, "GET", "/image/v2/images/"+idA, "", ""))
			if got["virtual_size"] != tc.want || got["status"] != "active" || got["size"] != float64(len(tc.data)) {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestFilters(t *testing.T) {
	r := rawClient(t, cloudserver.Config{Now: stepClock()})
	r.image(idA, `,"name":"a, b","visibility":"public","hw_architecture":"x86_64","tags":["x","y"],"min_disk":3`, "hello")
	r.image(idB, `,"name":"c","tags":["y"],"protected":true`)
	r.image("33333333-3333-4333-8333-333333333333", `,"name":"hidden","os_hidden":true`)
	for query, want := range map[string]string{
		"":                                   "c,a, b",
		"sort=name":                          "c,a, b",
		"sort=name:asc":                      "a, b,c",
		"sort_key=name&sort_dir=asc":         "a, b,c",
		"sort_key=status&sort_key=name":      "c,a, b",
		"sort=size:asc,name:desc":            "c,a, b",
		"name=c":                             "c",
		"name=nothing":                       "",
		"name=in:c,d":                        "c",
		`name=in:%22a,%20b%22,c`:             "c,a, b",
		"status=active":                      "a, b",
		"status=in:active,queued":            "c,a, b",
		"status=saving":                      "",
		"visibility=public":                  "a, b",
		"visibility=all":                     "c,a, b",
		"hw_architecture=x86_64":             "a, b",
		"hw_architecture=ppc64le":            "",
		"no_such_property=":                  "",
		"tag=y":                              "c,a, b",
		"tag=y&tag=x":                        "a, b",
		"os_hidden=true":                     "hidden",
		"os_hidden=False":                    "c,a, b",
		"protected=true":                     "c",
		"checksum=" + helloMD5:               "a, b",
		"os_hash_value=" + helloSHA512:       "a, b",
		"os_hash_algo=sha512":                "a, b",
		"id=" + idB:                          "c",
		"id=in:" + idA + "," + idB:           "c,a, b",
		"size_min=1":                         "a, b",
		"size_max=4":                         "",
		"size_max=5":                         "a, b",
		"size_max=-1":                        "",
		"name=in:":                           "",
		"created_at=gte:2018-06-27":          "c,a, b",
		"created_at=lt:2018-06-27T00:00:00":  "",
		"min_disk=3":                         "a, b",
		"disk_format=in:raw,qcow2":           "c,a, b",
		"created_at=gt:2018-06-27T00:00:00Z": "c,a, b",
		"created_at=lt:2018-06-27T00:00:00Z": "",
		"created_at=2018-06-27T00:00:00Z":    "",
		"limit=0":                            "",
		"limit=1":                            "c",
		"limit=1&marker=" + idB:              "a, b",
		"marker=" + idA:                      "",
	} {
		t.Run(query, func(t *testing.T) {
			got := decodeBody(t, r.want(200, "GET", "/image/v2/images?"+query, "", ""))
			var names []string
			for _, i := range got["images"].([]any) {
				names = append(names, i.(map[string]any)["name"].(string))
			}
			if joined := strings.Join(names, ","); joined != want {
				t.Errorf("got %q, want %q", joined, want)
			}
		})
	}
	for _, query := range []string{
		"limit=x", "limit=-1", "marker=" + strings.Replace(idA, "1", "9", 1), "marker=x", "sort=nothing", "sort=name:up", "sort_dir=up",
		"sort=name&sort_key=name", "sort_key=name&sort_dir=asc&sort_dir=asc", "visibility=x", "protected=maybe", "size_min=x",
		"created_at=yesterday", "created_at=gt:x", `name=in:%22a`,
	} {
		r.want(400, "GET", "/image/v2/images?"+query, "", "")
	}
}

func TestErrorsAsPageAndAsJSON(t *testing.T) {
	r := rawClient(t, cloudserver.Config{})
	for accept, want := range map[string]string{"": "404 Not Found\n\n", "*/*": "<html>", "text/html": "<html>", "application/json": `{"code":"404 Not Found"`} {
		req := httptest.NewRequestWithContext(t.Context(), "GET", "http://cloud/image/v2/images/%3Cb%3E", nil)
		req.Header.Set("X-Auth-Token", r.token)
		if accept != "" {
			req.Header.Set("Accept", accept)
		}
		w := httptest.NewRecorder()
		r.h.ServeHTTP(w, req)
		if got := w.Body.String(); w.Code != 404 || !strings.HasPrefix(got, want) || strings.Contains(got, "<b>") && w.Header().Get("Content-Type") == "text/html; charset=UTF-8" {
			t.Errorf("Accept %q: got %d %s", accept, w.Code, got)
		}
	}
}

func TestTags(t *testing.T) {
	r := rawClient(t, cloudserver.Config{})
	r.image(idA, `,"tags":["x"]`)
	tag := "/image/v2/images/" + idA + "/tags/"
	r.want(204, "PUT", tag+"y", "", "")
	r.want(204, "PUT", tag+"y", "", "")
	r.want(204, "PUT", tag+"a%2Fb", "", "")
	r.want(204, "DELETE", tag+"x", "", "")
	r.want(404, "DELETE", tag+"x", "", "")
	r.want(404, "PUT", "/image/v2/images/"+idB+"/tags/y", "", "")
	got := decodeBody(t, r.want(200, "GET", "/image/v2/images/"+idA, "", ""))["tags"].([]any)
	if !slices.Equal(got, []any{"a/b", "y"}) {
		t.Errorf("got %v", got)
	}
}

func TestMembers(t *testing.T) {
	r := rawClient(t, cloudserver.Config{})
	r.image(idA, "")
	r.image(idB, `,"visibility":"public"`)
	members := "/image/v2/images/" + idA + "/members"
	r.want(200, "POST", members, "", `{"member":"p"}`)
	r.want(409, "POST", members, "", `{"member":"p"}`)
	r.want(400, "POST", members, "", `{}`)
	r.want(403, "POST", "/image/v2/images/"+idB+"/members", "", `{"member":"p"}`)
	r.want(200, "PUT", members+"/p", "", `{"status":"accepted"}`)
	r.want(400, "PUT", members+"/p", "", `{"status":"x"}`)
	r.want(404, "PUT", members+"/q", "", `{"status":"accepted"}`)
	if got := r.want(200, "GET", members, "", "").Body.String(); !strings.Contains(got, `"status":"accepted"`) {
		t.Errorf("got %s", got)
	}
	r.want(200, "GET", members+"/p", "", "")
	r.want(204, "DELETE", members+"/p", "", "")
	r.want(404, "GET", members+"/p", "", "")
	r.want(404, "DELETE", members+"/p", "", "")
}

func TestMemberRole(t *testing.T) {
	r := rawClient(t, cloudserver.Config{Member: true})
	r.want(201, "POST", "/image/v2/images", "", `{"id":"`+idA+`"}`)
	r.want(403, "POST", "/image/v2/images", "", `{"visibility":"public"}`)
	r.want(403, "POST", "/image/v2/images", "", `{"owner":"other"}`)
	r.want(403, "PATCH", "/image/v2/images/"+idA, patch, `[{"op":"replace","path":"/visibility","value":"public"}]`)
}
