package testbed

import (
	"strings"
	"testing"

	"github.com/bayplan/bayplan/plan"
	"github.com/bayplan/bayplan/runner/steptest"
	"github.com/bayplan/bayplan/steps/internal/hostfiles"
)

// A ToPlace is the setting of a file to place, in either of its two forms.
type ToPlace = plan.TextOr[plan.Path, hostfiles.PlacedFile]

// PlacedAs gives the setting of a file that gets another name.
func PlacedAs(from, as string) ToPlace {
	return ToPlace{Other: hostfiles.PlacedFile{From: plan.Path(from), As: as}}
}

// AgentFiles makes the boot files of an agent below images, and an empty directory
// httpboot beside it. It gives the directory of both.
func AgentFiles(t *testing.T) string {
	t.Helper()
	base := t.TempDir()
	steptest.PutFile(t, base+"/images/ipa.kernel", "KERNEL")
	steptest.PutFile(t, base+"/images/ipa.initramfs", strings.Repeat("RAMDISK ", 1000))
	steptest.PutFile(t, base+"/images/boot.ipxe", "#!ipxe\n")
	steptest.MakeDir(t, base+"/httpboot", 0o755)
	return base
}
