package verifyimages

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/glance"
	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/runner/steptest"
	"github.com/bayplan/bayplan/steps/internal/testbed"
)

func expecting(names ...string) (all []plan.TextOr[string, expectedImage]) {
	for _, name := range names {
		all = append(all, plan.TextOr[string, expectedImage]{Text: name})
	}
	return all
}

func long(img expectedImage) plan.TextOr[string, expectedImage] {
	return plan.TextOr[string, expectedImage]{Other: img}
}

func fiveNames() []string {
	return []string{"bm-deploy-kernel", "bm-deploy-ramdisk", "overcloud-full", "overcloud-full-initrd", "overcloud-full-vmlinuz"}
}

func TestVerifyImagesLaws(t *testing.T) {
	steptest.Laws(t, steptest.Case{Type: Type(nil), Fresh: func(t *testing.T) *steptest.Fixture {
		b := testbed.NewCloud(t)
		client := func(t *testing.T) *glance.Client {
			t.Helper()
			c, err := b.Cloud(t.Context(), "undercloud")
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		return &steptest.Fixture{
			New: func() runner.Step {
				return &verifyImages{Cloud: "undercloud", Expect: expecting(fiveNames()...), clouds: b}
			},
			Dirs:     []string{b.Dir},
			Snapshot: func() string { return fmt.Sprint(b.Images(t, fiveNames()...)) },
			Secrets:  []string{testbed.CloudPassword},
			Satisfy:  b.Fill,
			Break: []steptest.Break{
				{Name: "an image is deleted", Do: func(t *testing.T) {
					if err := client(t).Delete(t.Context(), b.Images(t, fiveNames()...)["overcloud-full"].ID); err != nil {
						t.Fatal(err)
					}
				}},
				{Name: "an image is renamed", Do: func(t *testing.T) {
					if err := client(t).Rename(t.Context(), b.Images(t, fiveNames()...)["overcloud-full"].ID, "x"); err != nil {
						t.Fatal(err)
					}
				}},
			},
		}
	}})
}

// The table is the walk-through's.
func TestVerifyImagesTable(t *testing.T) {
	got := imageTable([]glance.Image{
		{ID: "6b26fa99-26b5-4c46-a1fd-c604f81927ea", Name: "overcloud-full", Status: "active"},
		{ID: "40759dfb-3ae2-479e-9eb0-8efdb779714a", Name: "overcloud-full-vmlinuz", Status: "active"},
		{ID: "3a7f5849-f332-4b5b-a162-4163644e4b5f", Name: "overcloud-full-initrd", Status: "active"},
		{ID: "bc8a2a6f-0ae7-4628-a3c9-b091dc10673c", Name: "bm-deploy-ramdisk", Status: "active"},
		{ID: "ac09c978-50ea-4144-b2ee-a59c72806a41", Name: "bm-deploy-kernel", Status: "active"},
	})
	const want = `+--------------------------------------+------------------------+--------+
| ID                                   | Name                   | Status |
+--------------------------------------+------------------------+--------+
| ac09c978-50ea-4144-b2ee-a59c72806a41 | bm-deploy-kernel       | active |
| bc8a2a6f-0ae7-4628-a3c9-b091dc10673c | bm-deploy-ramdisk      | active |
| 6b26fa99-26b5-4c46-a1fd-c604f81927ea | overcloud-full         | active |
| 3a7f5849-f332-4b5b-a162-4163644e4b5f | overcloud-full-initrd  | active |
| 40759dfb-3ae2-479e-9eb0-8efdb779714a | overcloud-full-vmlinuz | active |
+--------------------------------------+------------------------+--------+`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
}

func TestVerifyImages(t *testing.T) {
	file := func(b *testbed.Cloud, name string) plan.Path { return plan.Path(b.File(name)) }
	full := func(b *testbed.Cloud) expectedImage {
		return expectedImage{
			Name: "overcloud-full", File: file(b, "overcloud-full.qcow2"), DiskFormat: "qcow2", ContainerFormat: "bare",
			Visibility: "public", Kernel: "overcloud-full-vmlinuz", Ramdisk: "overcloud-full-initrd",
		}
	}
	change := func(do func(c *glance.Client, all map[string]glance.Image) error) func(*testing.T, *testbed.Cloud, *verifyImages) {
		return func(t *testing.T, b *testbed.Cloud, _ *verifyImages) {
			t.Helper()
			c, err := b.Cloud(t.Context(), "undercloud")
			if err != nil {
				t.Fatal(err)
			}
			if err := do(c, b.Images(t, fiveNames()...)); err != nil {
				t.Fatal(err)
			}
		}
	}
	expect := func(f func(*expectedImage)) func(*testing.T, *testbed.Cloud, *verifyImages) {
		return func(_ *testing.T, b *testbed.Cloud, v *verifyImages) {
			e := full(b)
			f(&e)
			v.Expect = append(v.Expect[:0], long(e))
		}
	}
	const prefix = `image "overcloud-full" of cloud "undercloud": `
	for _, tc := range []struct {
		name   string
		change func(t *testing.T, b *testbed.Cloud, v *verifyImages)
		want   []string // kind and text of each problem
	}{
		{"all is well", func(*testing.T, *testbed.Cloud, *verifyImages) {}, nil},
		{"names with digests", func(t *testing.T, b *testbed.Cloud, v *verifyImages) {
			v.Expect = nil
			for name, img := range b.Images(t, fiveNames()...) {
				v.Expect = append(v.Expect, expecting(name+"@sha512:"+img.Hash)...)
			}
		}, nil},
		{"exactly these", func(_ *testing.T, _ *testbed.Cloud, v *verifyImages) { v.Exact = true }, nil},
		{"one that is missing", func(_ *testing.T, _ *testbed.Cloud, v *verifyImages) { v.Expect = expecting("nobody") }, []string{
			`missing image "nobody" of cloud "undercloud": it is not there`,
		}},
		{"one that is queued", change(func(c *glance.Client, all map[string]glance.Image) error {
			_, err := c.Create(t.Context(), glance.Image{Name: "overcloud-full", Properties: map[string]string{}})
			if err != nil {
				return err
			}
			return c.Delete(t.Context(), all["overcloud-full"].ID)
		}), []string{"incomplete " + prefix + "it is queued (ID)"}},
		{"one that is there twice", change(func(c *glance.Client, all map[string]glance.Image) error {
			return c.Rename(t.Context(), all["bm-deploy-kernel"].ID, "overcloud-full")
		}), []string{`missing image "bm-deploy-kernel" of cloud "undercloud": it is not there`, "extra " + prefix + "2 images have the name: ID (active), ID (active)"}},
		{"another digest", func(_ *testing.T, _ *testbed.Cloud, v *verifyImages) { v.Expect = expecting("overcloud-full@md5:beef") }, []string{
			"drifted " + prefix + "its content is md5:HEX, not md5:beef",
		}},
		{"a digest that the cloud has not", func(_ *testing.T, _ *testbed.Cloud, v *verifyImages) {
			v.Expect = expecting("overcloud-full@sha256:beef")
		}, []string{
			"drifted " + prefix + "the cloud gives its digest as sha512:HEX, which cannot be compared with sha256:beef",
		}},
		{"another file of the same size", func(t *testing.T, b *testbed.Cloud, _ *verifyImages) {
			steptest.PutFile(t, string(file(b, "overcloud-full.qcow2")), testbed.QCOW2("other"))
		}, []string{"drifted " + prefix + "its content is sha512:HEX, not sha512:HEX"}},
		{"a longer file", func(t *testing.T, b *testbed.Cloud, _ *verifyImages) {
			steptest.PutFile(t, string(file(b, "overcloud-full.qcow2")), testbed.QCOW2("other")+"more")
		}, []string{"drifted " + prefix + "it has 24576 bytes, not 24580"}},
		{"another size", expect(func(e *expectedImage) { e.File, e.Size = "", 7 }), []string{"drifted " + prefix + "it has 24576 bytes, not 7"}},
		{"another format", expect(func(e *expectedImage) { e.DiskFormat = "raw" }), []string{"drifted " + prefix + `its disk_format is "qcow2", not "raw"`}},
		{"another container", expect(func(e *expectedImage) { e.ContainerFormat = "ovf" }), []string{"drifted " + prefix + `its container_format is "bare", not "ovf"`}},
		{"another visibility", expect(func(e *expectedImage) { e.Visibility = "private" }), []string{"drifted " + prefix + `its visibility is "public", not "private"`}},
		{"a property", expect(func(e *expectedImage) { e.Properties = map[string]string{"os_distro": "rhel"} }), []string{"drifted " + prefix + `its os_distro is "", not "rhel"`}},
		{"a stale kernel", change(func(c *glance.Client, all map[string]glance.Image) error {
			return c.SetProperties(t.Context(), all["overcloud-full"].ID, map[string]string{"kernel_id": all["bm-deploy-kernel"].ID})
		}), []string{"drifted " + prefix + "its kernel_id is ID, not ID"}},
		{"no ramdisk", expect(func(e *expectedImage) { e.Ramdisk = "nobody" }), []string{
			"incomplete " + prefix + `its ramdisk_id must be the id of image "nobody", and 0 images have that name`,
		}},
		{"one too many", func(t *testing.T, b *testbed.Cloud, v *verifyImages) {
			v.Exact = true
			change(func(c *glance.Client, _ map[string]glance.Image) error {
				_, err := c.Create(t.Context(), glance.Image{Name: "cirros", Properties: map[string]string{}})
				return err
			})(t, b, v)
		}, []string{`extra image "cirros" of cloud "undercloud": it is not expected (ID, queued)`}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := testbed.NewCloud(t)
			b.Fill(t)
			v := &verifyImages{Cloud: "undercloud", Expect: expecting(fiveNames()...), clouds: b}
			v.Expect[2] = long(full(b))
			tc.change(t, b, v)
			f, err := v.Diff(t.Context(), &runner.Disk{}, nil)
			var got []string
			for _, p := range fault.Problems(err) {
				if p.What != "image" || p.Name == "" {
					t.Errorf("problem %+v", p)
				}
				got = append(got, p.Kind)
			}
			if err != nil {
				for i, line := range strings.Split(err.Error(), "\n") {
					got[i] += " " + withoutHex(b.Normalize(line))
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
			if err == nil && (len(f.Notes) != len(v.Expect)+4 || !strings.Contains(f.Outputs["table"].String(), "| overcloud-full ")) {
				t.Errorf("notes %q", f.Notes)
			}
		})
	}
}

// withoutHex takes digests and quoted ids out of a text.
func withoutHex(s string) string {
	words := strings.Fields(s)
	for i, w := range words {
		bare := strings.Trim(w, `"(),`)
		if algo, hex, ok := strings.Cut(bare, ":"); ok && len(hex) >= 32 {
			words[i] = strings.Replace(w, bare, algo+":HEX", 1)
		}
		if len(bare) == 36 && strings.Count(bare, "-") == 4 {
			words[i] = strings.Trim(strings.Replace(w, bare, "ID", 1), `"`)
			words[i] = strings.ReplaceAll(words[i], `"`, "")
		}
	}
	return strings.Join(words, " ")
}

// A list that turns out empty when the step runs is refused, too.
func TestVerifyImagesOfNothing(t *testing.T) {
	_, err := (&verifyImages{Cloud: "undercloud", clouds: &testbed.Cloud{}}).Verify(t.Context(), &runner.Disk{})
	if err == nil || !strings.Contains(err.Error(), "there is nothing to verify") {
		t.Errorf("got error %v", err)
	}
}

func TestVerifyImagesValidate(t *testing.T) {
	for _, tc := range []struct {
		name   string
		expect []plan.TextOr[string, expectedImage]
		want   string
	}{
		{"names", expecting("a", "b@c"), ""},
		{"nothing known yet", make([]plan.TextOr[string, expectedImage], 2), ""},
		{"one twice", expecting("a", "a@sha512:beef"), `expect[1]: expect[0] also names "a"`},
		{"a reference that is not known yet", nil, ""},
		{"nothing", []plan.TextOr[string, expectedImage]{}, "expect: names no image: there is nothing to verify"},
		{"a digest that is no hex", expecting("a@sha512:zz"), `expect[0]: "sha512:zz" is not a digest of the form sha512:HEX`},
		{"a digest in upper case", expecting("a@sha512:BEEF"), `expect[0]: "sha512:BEEF" is not a digest of the form sha512:HEX`},
		{"a digest that is cut off", expecting("a@b@md5:"), `expect[0]: "md5:" is not a digest of the form sha512:HEX`},
		{"a name like a digest of nobody's", expecting("a@crc:zz"), ""},
		{"an odd digest", []plan.TextOr[string, expectedImage]{long(expectedImage{Name: "a", Digest: "crc:1"})}, "is not a digest"},
		{"less than no bytes", []plan.TextOr[string, expectedImage]{long(expectedImage{Name: "a", Size: -1})}, "expect[0].size: "},
		{"an odd visibility", []plan.TextOr[string, expectedImage]{long(expectedImage{Name: "a", Visibility: "all"})}, "expect[0].visibility: "},
	} {
		t.Run(tc.name, func(t *testing.T) {
			v := &verifyImages{Cloud: "undercloud", Expect: tc.expect, clouds: &testbed.Cloud{}}
			err := v.Validate()
			if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got error %v, want %q", err, tc.want)
			}
		})
	}
	if err := (&verifyImages{Cloud: "x", clouds: &testbed.Cloud{}}).Validate(); err == nil {
		t.Error("an unknown cloud is taken")
	}
}
