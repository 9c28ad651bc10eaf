package glance

import (
	"fmt"

	"github.com/bayplan/bayplan/internal/fault"
)

// AttributeDrift is a difference in one attribute or property of an image. The caller
// fills in the image's name and Where.
func AttributeDrift(key, have, want string) *Drift {
	return &Drift{
		About: fault.Problem{Kind: "drifted", Lacks: key, Have: have, Want: want},
		Says:  fmt.Sprintf("its %s is %q, not %q", key, have, want),
	}
}

// A Drift is one thing about an image that is not as wanted.
type Drift struct {
	About fault.Problem
	Where string // such as: cloud "undercloud"
	Says  string // what is wrong, as text for people
}

// Problem gives the difference in a form for programs.
func (m *Drift) Problem() fault.Problem { return m.About }

// Error names the image, the place and what is wrong.
func (m *Drift) Error() string {
	return fmt.Sprintf("image %q of %s: %s", m.About.Name, m.Where, m.Says)
}
