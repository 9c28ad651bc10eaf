package main

import (
	"bytes"
	"fmt"
	"os"
	"runtime/debug"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/CycloneDX/cyclonedx-gomod/pkg/generate/bin"
	"github.com/rs/zerolog"
)

// maker is the module that finds the components of a binary.
const maker = "github.com/CycloneDX/cyclonedx-gomod"

// writeComponents writes the list of the modules in a binary, in the format of CycloneDX.
func (r *release) writeComponents(name string, b built) error {
	g, err := bin.NewGenerator(b.path, bin.WithIncludeStdlib(true), bin.WithVersionOverride(r.commit.describe), bin.WithLogger(zerolog.Nop()))
	if err != nil {
		return err
	}
	bom, err := g.Generate()
	if err != nil {
		return err
	}
	version, err := linkedVersion(maker)
	if err != nil {
		return err
	}
	bom.Metadata.Timestamp = r.commit.time.Format(time.RFC3339)
	bom.Metadata.Tools = &cdx.ToolsChoice{Components: &[]cdx.Component{{Type: cdx.ComponentTypeApplication, Name: maker, Version: version}}}
	var text bytes.Buffer
	if err := cdx.NewBOMEncoder(&text, cdx.BOMFileFormatJSON).SetPretty(true).EncodeVersion(bom, cdx.SpecVersion1_6); err != nil {
		return err
	}
	return os.WriteFile(name, text.Bytes(), 0o644)
}

// linkedVersion returns the version of a module in this program.
func linkedVersion(module string) (string, error) {
	info, ok := debug.ReadBuildInfo()
	if ok {
		for _, m := range info.Deps {
			if m.Path == module {
				return m.Version, nil
			}
		}
	}
	return "", fmt.Errorf("the version of %s is unknown", module)
}
