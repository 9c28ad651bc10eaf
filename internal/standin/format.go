package standin

import (
	"slices"
	"strings"
)

// FormatOf gives the format that the name of a file shows: archive, package, or that of a disk image,
// as Disk has it; "" for any.
func FormatOf(name string) string {
	name = strings.ToLower(name)
	for _, known := range []struct {
		format  string
		endings []string
	}{
		{"archive", []string{".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.zst", ".tar.bz2"}},
		{"package", []string{".rpm"}},
		{"aki", []string{".kernel", ".vmlinuz", "vmlinuz"}},
		{"ari", []string{".initramfs", ".initrd", ".ramdisk", "initrd.img", "initramfs.img"}},
		{"qcow2", []string{".qcow2", ".img"}},
		{"raw", []string{".raw"}},
		{"iso", []string{".iso"}},
		{"vmdk", []string{".vmdk"}},
		{"vhd", []string{".vhd"}},
		{"vhdx", []string{".vhdx"}},
		{"vdi", []string{".vdi"}},
	} {
		if slices.ContainsFunc(known.endings, func(ending string) bool { return strings.HasSuffix(name, ending) }) {
			return known.format
		}
	}
	return ""
}
