package sitereport

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/bayplan/bayplan/cmd/internal/document"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/redact"
	"github.com/bayplan/bayplan/internal/registry"
)

// The media types of a report: of the artifact, and of the file in it.
const (
	ArtifactType = "application/vnd.bayplan.site-report.v1"
	MediaType    = "application/vnd.bayplan.site-report.v1+json"
)

// maxSkew is how far the clock of a site may be from that of the registry before it is told:
// more than that, certificates, tokens and signatures do not bear.
const maxSkew = 5 * time.Minute

// rounding is how far two times that stand for the same moment may be from each other: the
// Date of an answer has whole seconds.
const rounding = 2 * time.Second

// Client is what is asked of a registry.
type Client interface {
	// SmallFile reads an artifact, and says when the registry has answered.
	SmallFile(ctx context.Context, image, artifactType string, most int64) ([]byte, time.Time, error)
	// PutSmallFile makes a tag stand for an artifact.
	PutSmallFile(ctx context.Context, image string, f registry.SmallFile) error
	// AllTags lists the tags of a repository.
	AllTags(ctx context.Context, image string) ([]string, error)
}

// A Sender sends the reports of one site.
type Sender struct {
	Client  Client
	To      Place
	Secrets *redact.Redactor
	Now     func() time.Time // nil: time.Now
}

// A Sending is a report to send, and what the state keeps of it.
type Sending struct {
	Report document.SiteReport
	Memory *Memory // nil: the state keeps nothing
}

// Send puts a report at its tag, and then forgets it in the state. It gives what people
// should know of that.
func (s Sender) Send(ctx context.Context, one Sending) (notes []string, err error) {
	if notes, err = s.put(ctx, one.Report); err == nil && one.Memory != nil {
		err = one.Memory.Sent()
	}
	return notes, err
}

// put puts a report at its tag, unless a newer one is there. It never replaces what is no
// report.
func (s Sender) put(ctx context.Context, r document.SiteReport) (notes []string, err error) {
	b, at, err := s.Client.SmallFile(ctx, s.To.String(), ArtifactType, maxReport)
	now := time.Now
	if s.Now != nil {
		now = s.Now
	}
	here := now()
	r.Clock = reading(at, here)
	switch kind := registry.KindOf(err); {
	case errors.Is(err, registry.ErrForeign):
		return nil, fault.WithHint(errors.New("what the tag stands for is not a report, and it is left as it is"), "name a repository for reports alone")
	case err == nil:
		if there, bad := decode(b); bad == nil {
			if isNewer(there, r, here) {
				return nil, fmt.Errorf("a newer report is there already, of a run on %s", oneLine(there.Host))
			}
			r.Other = other(there, r)
		}
	case errors.Is(err, registry.ErrDamaged), kind == registry.NotFound, kind == registry.Denied: // some may only push
	default:
		return nil, err
	}
	b, err = encode(r, s.Secrets)
	if err != nil {
		return nil, err
	}
	if err := s.Client.PutSmallFile(ctx, s.To.String(), registry.SmallFile{Type: ArtifactType, MediaType: MediaType, Bytes: b}); err != nil {
		return nil, err
	}
	return s.notes(r), nil
}

func (s Sender) notes(r document.SiteReport) []string {
	var notes []string
	if o := r.Other; o != nil {
		notes = append(notes, fmt.Sprintf("%s held the report of another state, on %s; if that is another site, give each a tag of its own", s.To, oneLine(o.Host)))
	}
	if c := r.Clock; c != nil {
		if text := skew(c.Ahead); text != "" {
			notes = append(notes, fmt.Sprintf("the clock of this host is %s that of %s", text, s.To.Host))
		}
	}
	return notes
}

// reading compares the clock of the registry with that of this host. The Date of an answer
// has no fraction of a second: on average it lacks half of one.
func reading(registry, site time.Time) *document.SiteClock {
	if registry.IsZero() {
		return nil
	}
	return &document.SiteClock{Registry: registry.UTC(), Site: site.UTC(), Ahead: math.Round(site.Sub(registry).Seconds()-0.5) + 0} // + 0: no negative zero
}

// skew says how far a clock is from the registry's, "" if that does not matter.
func skew(ahead float64) string {
	d := seconds(ahead)
	switch {
	case d > maxSkew:
		return human.Duration(d) + " ahead of"
	case d < -maxSkew:
		return human.Duration(-d) + " behind"
	}
	return ""
}

// maxSeconds is the largest number of seconds that a report may name: a hundred years. A
// host without a battery begins in 1970.
const maxSeconds = 100 * 365 * 24 * 3600

// seconds makes a duration of a number that a report gives.
func seconds(n float64) time.Duration {
	if math.IsNaN(n) {
		return 0
	}
	return time.Duration(max(-maxSeconds, min(maxSeconds, n)) * float64(time.Second))
}

// corrected gives a time of a site by the clock of the registry, as far as that is known. No
// run has ended after its report was sent.
func corrected(r document.SiteReport, at time.Time) time.Time {
	if at.IsZero() || r.Clock == nil {
		return at
	}
	at = at.Add(-seconds(r.Clock.Ahead))
	if at.After(r.Clock.Registry) {
		return r.Clock.Registry
	}
	return at
}

// isNewer reports whether the run of a report that is there ended after that of one that is
// to be sent. One that comes from the future is not believed: by the clock of the registry,
// or by that of this host if the registry tells no time.
func isNewer(there, r document.SiteReport, now time.Time) bool {
	sent := there.Ended
	if there.Clock != nil {
		sent = there.Clock.Registry
	}
	if r.Clock != nil {
		now = r.Clock.Registry
	}
	if sent.After(now.Add(rounding)) {
		return false
	}
	return corrected(there, there.Ended).After(corrected(r, r.Ended).Add(rounding))
}

// other gives what has written the report that is there, nil if the same state did.
func other(there, r document.SiteReport) *document.OtherSite {
	if there.StateID == r.StateID && there.Host == r.Host {
		return nil
	}
	return &document.OtherSite{StateID: cut(there.StateID), Host: cut(there.Host), Ended: there.Ended}
}
