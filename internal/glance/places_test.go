package glance_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bayplan/bayplan/internal/cloudserver"
	"github.com/bayplan/bayplan/internal/glance"
)

// An endpoint is one of the catalogue's for the image service.
type endpoint struct{ service, region, face, url string }

// withCatalog puts other endpoints of the image service into the catalogue of a cloud.
func withCatalog(h http.Handler, endpoints []endpoint) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, "/auth/tokens") {
			h.ServeHTTP(w, r)
			return
		}
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		var body map[string]map[string]any
		_ = json.Unmarshal(rec.Body.Bytes(), &body)
		var catalog []any
		for _, e := range endpoints {
			catalog = append(catalog, map[string]any{"type": "image", "name": e.service, "endpoints": []any{
				map[string]any{"interface": e.face, "region": e.region, "region_id": e.region, "url": e.url + "/image"},
			}})
		}
		if body["token"] != nil {
			body["token"]["catalog"] = catalog
		}
		w.Header().Set("X-Subject-Token", rec.Header().Get("X-Subject-Token"))
		w.WriteHeader(rec.Code)
		_ = json.NewEncoder(w).Encode(body)
	})
}

// What clouds.yaml says about the place decides which image service is used.
func TestConnectGoesWhereTheEntrySays(t *testing.T) {
	west, east, apart := httptest.NewServer(newCloud(t)), httptest.NewServer(newCloud(t)), httptest.NewServer(newCloud(t))
	t.Cleanup(func() { west.Close(); east.Close(); apart.Close() })
	identity := httptest.NewServer(withCatalog(newCloud(t), []endpoint{
		{"glance", "East", "public", east.URL},
		{"glance", "East", "internal", apart.URL},
		{"glance", "West", "public", west.URL},
		{"other", "North", "public", apart.URL},
		{"glance", "North", "public", east.URL},
	}))
	defer identity.Close()
	login := "auth: {auth_url: '" + identity.URL + "/v3', username: admin, password: " + cloudserver.DefaultPassword + ", tenant_name: admin, domain_name: Default}"

	for _, tc := range []struct{ name, entry, want string }{
		{"nothing", "", east.URL},
		{"the first of the regions", "regions: [West, East]", west.URL},
		{"regions with values", "regions: [{name: East, values: {interface: internal}}, West]", apart.URL},
		{"region_name over <<", "region_name: West", west.URL},
		{"image_region_name", "region_name: East, image_region_name: West", west.URL},
		{"the first interface that is there", "region_name: West, interface: [internal, public]", west.URL},
		{"endpoint_type", "endpoint_type: internalURL", apart.URL},
		{"image_service_name", "region_name: North, image_service_name: other", apart.URL},
		{"image_endpoint_override", "image_endpoint_override: '" + west.URL + "/image'", west.URL},
		{"image_endpoint_override with a version", "region_name: East, image_endpoint_override: '" + west.URL + "/image/v2'", west.URL},
		{"image_endpoint_override in no catalogue", "region_name: Mars, image_endpoint_override: '" + west.URL + "/image/v2.9/'", west.URL},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := cleanEnv(t)
			write(t, dir+"/clouds.yaml", "base: &b {region_name: East, "+login+"}\nclouds:\n  undercloud: {"+login+", "+tc.entry+"}\n  merged: {<<: *b, "+tc.entry+"}\n")
			cloud := "undercloud"
			if strings.Contains(tc.name, "<<") {
				cloud = "merged"
			}
			c := connect(t, glance.Options{Cloud: cloud})
			if got := strings.TrimSuffix(c.Endpoint(), "/image/"); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

// Notes about clouds.yaml come with the client.
func TestConnectGivesNotes(t *testing.T) {
	srv := httptest.NewServer(newCloud(t))
	defer srv.Close()
	dir := cleanEnv(t)
	write(t, dir+"/clouds.yaml", entry("undercloud", srv.URL+"/v3", cloudserver.DefaultPassword, "    profile: vexxhost\n"))
	c := connect(t, glance.Options{Cloud: "undercloud"})
	if got := strings.Join(c.Notes(), "\n"); !strings.Contains(got, "the vendor profile vexxhost is not used: there is no clouds-public.yaml") {
		t.Errorf("got notes %q", got)
	}
}

// Two entries for one project of one cloud lead to one place. Another project is another one, and a
// cloud inside the process has none.
func TestPlace(t *testing.T) {
	first, second := httptest.NewServer(newCloud(t)), httptest.NewServer(newCloud(t))
	defer first.Close()
	defer second.Close()
	dir := cleanEnv(t)
	place := func(url string) string {
		write(t, dir+"/clouds.yaml", entry("undercloud", url+"/v3", cloudserver.DefaultPassword, ""))
		return connect(t, glance.Options{Cloud: "undercloud"}).Place()
	}
	one := place(first.URL)
	if again, other := place(first.URL), place(second.URL); one == "" || again != one || other == one {
		t.Errorf("got %q, %q, %q", one, again, other)
	}
}
