package wire

const (
	// UserAgent is what bayplan is called in requests.
	UserAgent = "bayplan"
	// MaxManifest is what registries are asked to take; nothing larger is read.
	MaxManifest = 4 << 20
	// MaxPages is more pages than any list of a registry has.
	MaxPages = 10_000
)
