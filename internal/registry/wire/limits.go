package wire

const (
	// UserAgent is bayplan's name in requests.
	UserAgent = "bayplan"
	// MaxManifest is the largest manifest that is read or sent.
	MaxManifest = 4 << 20
	// MaxPages is more pages than any list of a registry has.
	MaxPages = 10_000
)
