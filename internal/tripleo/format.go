package tripleo

// A Format is a way to write a Result down for those who read it. To add one:
// a file format_NAME.go with a function that gives it, one line in Formats,
// and its name in the enum of the step's setting.
type Format struct {
	Name string
	// Digests says that the images' digests must be known.
	Digests bool
	// Check says whether a request can be written in the format; nil: all can.
	Check func(req Request) error
	// Write gives the text, and in a few words what it holds. The text depends
	// on nothing but the Result, so that the same Result is the same bytes.
	Write func(r Result) (text []byte, holds string, err error)
}

// Formats gives the formats that there are. The first one is the default.
func Formats() []Format {
	return []Format{
		overcloudImagesEnv(),
		containerImagePrepare(),
		imagesList(),
		kollaGlobals(),
		openstackVersion(),
		satelliteScript(),
	}
}

// FormatNames names the formats that there are.
func FormatNames() []string {
	var names []string
	for _, f := range Formats() {
		names = append(names, f.Name)
	}
	return names
}

// FindFormat gives the format of a name; "" is the default one.
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
