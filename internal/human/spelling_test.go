package human

import "testing"

func TestOneLetter(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"/home/stack/images/a.qcow2", "/home/stack/imagse/a.qcow2", true},
		{"/srv/ipas/ipa.kernel", "/srv/ipa/ipa.kernel", true},
		{"agent.kernel", "agent.kernl", true},
		{"agent.kernel", "agent.karnel", true},
		{"agent.kernel", "agent.kernel", false},
		{"agent.kernel", "agent.krnl", false},
		{"disk1.img", "disk2.img", false},
		{"disk.img", "disk2.img", false},
		{"disk-a.img", "disk-b.img", false},
		{"/api/x", "/app/x", false},
		{"/images", "/images/", false},
		{"overcloud-full.vmlinuz", "overcloud-full.initrd", false},
		{"", "a", false},
	} {
		if got := OneLetter(tt.a, tt.b); got != tt.want {
			t.Errorf("%s and %s: %v", tt.a, tt.b, got)
		}
	}
}
