package tripleo

// A Format writes a Result for a certain reader. To add a format, add a file
// format_NAME.go with a function that returns it, one line in Formats, and its
// name to the enum of the step's setting.
type Format struct {
	Name string
	// Digests says that the format needs the digests of the images.
	Digests bool
	// Check returns an error for a request that the format cannot write. nil means
	// that it can write all requests.
	Check func(req Request) error
	// Write returns the text, and a few words about its content. The text depends
	// only on the Result: the same Result gives the same bytes.
	Write func(r Result) (text []byte, holds string, err error)
	// Notes returns what people should know of the Result that the text does not have.
	// nil means nothing.
	Notes func(r Result) []string
}

// Formats returns all formats. The first one is the default.
func Formats() []Format {
	return []Format{
		overcloudImagesEnv(),
		containerImagePrepare(),
		imagesList(),
		kollaGlobals(),
		openstackVersion(),
		satelliteScript(),
		registriesConf(),
		digestMirrorSet(),
		tagMirrorSet(),
	}
}

// FormatNames returns the names of all formats.
func FormatNames() []string {
	var names []string
	for _, f := range Formats() {
		names = append(names, f.Name)
	}
	return names
}

// FindFormat returns the format with a name; "" means the default.
func FindFormat(name string) (Format, error) {
	all := Formats()
	if name == "" {
		return all[0], nil
	}
	for _, f := range all {
		if f.Name == name {
			return f, nil
		}
	}
	return Format{}, &UnknownError{What: "format", Got: name, Known: FormatNames()}
}
