package wire

const (
	// maxDrained is how much of an answer is read so that its connection can be used again.
	maxDrained = 4096
	// UserAgent is bayplan's name in requests.
	UserAgent = "bayplan"
	// MaxManifest is the largest manifest that is read or sent.
	MaxManifest = 4 << 20
	// PageWorth is how many bytes a page of a long list has on average at least: some fifty
	// names. Registries give 50 to 1000 names a page.
	PageWorth = 500
	// MaxList is the largest size of all pages of a list: a million names of 64 bytes.
	MaxList = 64 << 20
)
