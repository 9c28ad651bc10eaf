package registry

import (
	"encoding/json"
	"strings"
	"testing"
)

// A bill of materials may be signed itself, in cosign's way or in the other,
// and its signature comes with it.
func TestWhatSpeaksOfWhatSpeaks(t *testing.T) {
	src, _, c := pair(t)
	image := src.image(t, "ns/app", "1", nil, random(1, 1000))
	sbom := src.referrer(t, "ns/app", image, "application/spdx+json", random(2, 100))
	vex := src.referrer(t, "ns/app", sbom, "application/vex+json", random(3, 100))
	notary := src.referrer(t, "ns/app", sbom, "application/vnd.cncf.notary.signature", random(4, 100))
	src.image(t, "ns/app", cosign(vex, ".sig"), nil, random(5, 100))
	images := []Image{{Source: srcHost + "/ns/app:1", Target: dstHost + "/ns/app:1"}}
	table, err := c.Plan(t.Context(), images, Selection{Signatures: CopySignatures})
	if err != nil || table.Err() != nil || table.Images[0].Attached() != 4 {
		t.Fatalf("got %+v, %v, %v", table.Images[0], table.Err(), err)
	}
	if err := c.Execute(t.Context(), table, Options{}); err != nil {
		t.Fatal(err)
	}
	for _, at := range []string{"@" + sbom, "@" + vex, "@" + notary, ":" + cosign(vex, ".sig")} {
		if _, err := c.Resolve(t.Context(), dstHost+"/ns/app"+at); err != nil {
			t.Error(err)
		}
	}
	// The image itself is not signed.
	table, err = c.Plan(t.Context(), images, Selection{Signatures: RequireSignatures})
	if err != nil || table.Err() == nil || !strings.Contains(table.Err().Error(), "it has no signature") {
		t.Errorf("got %v, %v", table.Err(), err)
	}
}

// Two things that are said to speak of each other are met once each.
func TestReferrersInALoop(t *testing.T) {
	src, _, c := pair(t)
	image := src.image(t, "ns/app", "1", nil, random(1, 1000))
	one := src.referrer(t, "ns/app", image, "application/spdx+json", random(2, 100))
	two := src.referrer(t, "ns/app", one, "application/spdx+json", random(3, 100))
	body, err := json.Marshal(map[string]any{"schemaVersion": 2, "mediaType": ociType, "manifests": []any{
		map[string]any{"mediaType": ociManifest, "digest": one, "size": 1}, map[string]any{"mediaType": ociManifest, "digest": image, "size": 1},
	}})
	if err != nil {
		t.Fatal(err)
	}
	src.act(serve("/v2/ns/app/referrers/"+two, ociType, body))
	src.reset()
	table, err := c.Plan(t.Context(), []Image{{Source: srcHost + "/ns/app:1", Target: dstHost + "/ns/app:1"}}, Selection{Signatures: CopySignatures})
	if err != nil || table.Err() != nil {
		t.Fatal(err, table.Err())
	}
	src.rest()
	if n := src.counts["GET manifests"]; n != 3 {
		t.Errorf("%d manifests were read, want 3: %v", n, src.counts)
	}
}
