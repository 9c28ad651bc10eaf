package tripleo

import "strings"

// pinned gives where the image will be pulled from, by its digest alone.
func (i Image) pinned() string {
	return strings.TrimSuffix(i.Pushed(), ":"+i.Tag) + "@" + i.Digest
}

// pinnedTag gives where the image will be pulled from, with its tag for people
// and its digest for machines; "" when the digest is not known.
func (i Image) pinnedTag() string {
	if i.Digest == "" {
		return ""
	}
	return i.Pushed() + "@" + i.Digest
}
