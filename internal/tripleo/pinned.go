package tripleo

import "strings"

// pinnedRef returns the reference that the image will be pulled by, with its digest
// and without its tag.
func (i Image) pinnedRef() string {
	return strings.TrimSuffix(i.Pushed(), ":"+i.Tag) + "@" + i.Digest
}

// pinnedTagRef returns the reference that the image will be pulled by, with its tag
// (for people) and its digest (for machines). It returns "" if the digest is
// unknown.
func (i Image) pinnedTagRef() string {
	if i.Digest == "" {
		return ""
	}
	return i.Pushed() + "@" + i.Digest
}
