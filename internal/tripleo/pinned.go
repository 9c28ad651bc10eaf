package tripleo

import "strings"

// pinnedRef returns the reference that the image will be pulled by, with its digest
// and without its tag.
func (i Image) pinnedRef() string {
	return i.pushedRepository() + "@" + i.Digest
}

// pushedRepository returns the repository that the image will be pulled from.
func (i Image) pushedRepository() string {
	ref, _, byDigest := strings.Cut(i.Pushed(), "@")
	if byDigest {
		return ref
	}
	return ref[:strings.LastIndexByte(ref, ':')]
}

// pinnedTagRef returns the reference that the image will be pulled by, with its tag
// (for people) and its digest (for machines). It returns "" if the digest is
// unknown.
func (i Image) pinnedTagRef() string {
	ref, _, _ := strings.Cut(i.Pushed(), "@")
	if i.Digest == "" {
		return ""
	}
	return ref + "@" + i.Digest
}
