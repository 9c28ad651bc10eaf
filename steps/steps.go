// Package steps is the list of step types, and nothing else. Each type has a package
// of its own below this one.
package steps

import (
	"github.com/bayplan/bayplan/runner"
	"github.com/bayplan/bayplan/steps/artifact"
	"github.com/bayplan/bayplan/steps/connections"
	"github.com/bayplan/bayplan/steps/fetch"
	"github.com/bayplan/bayplan/steps/glanceupload"
	"github.com/bayplan/bayplan/steps/mirror"
	"github.com/bayplan/bayplan/steps/mkdir"
	"github.com/bayplan/bayplan/steps/packages"
	"github.com/bayplan/bayplan/steps/place"
	"github.com/bayplan/bayplan/steps/prepare"
	"github.com/bayplan/bayplan/steps/tagdiscover"
	"github.com/bayplan/bayplan/steps/untar"
	"github.com/bayplan/bayplan/steps/verifycatalog"
	"github.com/bayplan/bayplan/steps/verifyhttpboot"
	"github.com/bayplan/bayplan/steps/verifyimages"
	"github.com/bayplan/bayplan/steps/verifyregistry"
)

// Builtin gives all step types, in the order in which plans usually use them. Steps
// reach registries, clouds and hosts through out. It may be nil when the types are
// only listed.
func Builtin(out *connections.Set) runner.Types {
	return runner.Types{
		mkdir.Type(),
		fetch.Type(out),
		packages.Type(out),
		untar.Type(),
		glanceupload.Type(out),
		verifyimages.Type(out),
		place.Type(),
		verifyhttpboot.Type(out),
		tagdiscover.Type(out),
		prepare.Type(out),
		verifyregistry.Type(out),
		mirror.Type(out),
		artifact.Type(out),
		verifycatalog.Type(out),
	}
}
