// Package trust decides whether an image may be copied: the first rule whose pattern
// matches the image's repository says what proves where the image comes from, and the
// proof is asked about the digest that is copied. It knows neither plans nor how images
// are copied. What a proof is, each package below it knows for one kind.
package trust

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/human"
)

// layoutPrefix begins the names of images in OCI layouts.
const layoutPrefix = "oci:"

// An Image is an image at its source.
type Image struct {
	Repository string // host/path, or oci:LAYOUT:path
	Tag        string // as the list names it; "": it names a digest
	Digest     string // of what is copied, before it is narrowed to some platforms
	// SignedAs is the repository that its signatures name, "" for its own.
	SignedAs string
}

// NewImage makes an image of its name in the one spelling, HOST/PATH[:TAG][@DIGEST] or
// oci:LAYOUT:PATH[:TAG][@DIGEST], and its digest. A name with a digest has no tag: the
// digest says which image it is.
func NewImage(name, digest string) Image {
	bare, _, byDigest := strings.Cut(name, "@")
	im := Image{Repository: bare, Digest: digest}
	inside := strings.LastIndexByte(bare, '/') + 1
	if rest, ok := strings.CutPrefix(bare, layoutPrefix); ok {
		layout, _, _ := strings.Cut(rest, ":")
		inside = min(len(bare), len(layoutPrefix)+len(layout)+1)
	}
	if i := strings.LastIndexByte(bare[inside:], ':'); i >= 0 {
		im.Repository, im.Tag = bare[:inside+i], bare[inside+i+1:]
	}
	if byDigest {
		im.Tag = ""
	}
	return im
}

// Signed returns the repository that signatures of the image must name, "" if no host says
// where it comes from, as in an OCI layout.
func (im Image) Signed() string {
	if im.SignedAs == "" && strings.HasPrefix(im.Repository, layoutPrefix) {
		return ""
	}
	return cmp.Or(im.SignedAs, im.Repository)
}

// String returns the name of the image as people write it.
func (im Image) String() string {
	if im.Tag == "" {
		return im.Repository + "@" + im.Digest
	}
	return im.Repository + ":" + im.Tag
}

// A Proof is one way to prove where an image comes from. Many goroutines use it at once.
type Proof interface {
	// Check gives an error that says what was found, unless the digest of the image is
	// proved.
	Check(ctx context.Context, im Image) error
}

// A Rule says what proves the images that its pattern matches.
type Rule struct {
	Images Pattern
	// SignedAs takes the place of the pattern's beginning in the names that signatures have.
	// "": they have the names of the images.
	SignedAs string
	Proof    Proof  // nil: they need none
	Name     string // what messages call the rule, without its pattern
	Mark     string // a text that differs when the rule or its key differs
}

// A Policy is a list of rules, of which the first that matches decides. It remembers what
// it has found. Many goroutines use it at once.
type Policy struct {
	rules []Rule

	mu     sync.Mutex
	proved map[string]bool // by verdict
}

// NewPolicy makes a policy. The verdicts are those of earlier runs.
func NewPolicy(rules []Rule, verdicts []string) (*Policy, error) {
	p := &Policy{rules: rules, proved: map[string]bool{}}
	for _, r := range rules {
		if r.Images.expr == nil {
			return nil, errNoPattern
		}
	}
	for _, v := range verdicts {
		p.proved[v] = true
	}
	return p, nil
}

// Unmatched returns the patterns of the rules that decide about none of the images.
func (p *Policy) Unmatched(images []Image) []string {
	used := map[*Rule]bool{}
	for _, im := range images {
		used[p.rule(im)] = true
	}
	var patterns []string
	for i := range p.rules {
		if !used[&p.rules[i]] {
			patterns = append(patterns, p.rules[i].Images.String())
		}
	}
	return patterns
}

// rule gives the rule that decides about an image, nil where there is none.
func (p *Policy) rule(im Image) *Rule {
	for i := range p.rules {
		if p.rules[i].Images.Matches(im.Repository) {
			return &p.rules[i]
		}
	}
	return nil
}

// Admit gives an error when no rule matches the image, so that it need not be asked for.
func (p *Policy) Admit(im Image) error {
	if p.rule(im) != nil {
		return nil
	}
	err := fmt.Errorf("%s: no rule of signatures.trust matches it", im)
	return fault.WithHint(err, "add a rule for it, with unsigned: true if nothing has to prove it")
}

// Check gives an error unless the image is trusted. What was found once holds for the
// same digest, rule and key.
func (p *Policy) Check(ctx context.Context, im Image) error {
	if err := p.Admit(im); err != nil {
		return err
	}
	rule := p.rule(im)
	if rule.Proof == nil || p.isProved(im) {
		return nil
	}
	named := im
	if rule.SignedAs != "" {
		named.SignedAs = rule.SignedAs + strings.TrimPrefix(im.Repository, rule.Images.Beginning())
	}
	err := rule.Proof.Check(ctx, named)
	if err == nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.proved[rule.verdict(im)] = true
		return nil
	}
	if fault.IsCancelled(err) || fault.IsConnection(err) {
		return fmt.Errorf("%s: looking for its signatures: %w", im, err)
	}
	return &RefusedError{Image: im, Rule: rule.String(), Err: err}
}

func (p *Policy) isProved(im Image) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.proved[p.rule(im).verdict(im)]
}

// Verdict returns a text for the record of a run if the image is known to be proved, and
// else "". An image that needs no proof has none.
func (p *Policy) Verdict(im Image) string {
	rule := p.rule(im)
	if rule == nil || rule.Proof == nil || !p.isProved(im) {
		return ""
	}
	return rule.verdict(im)
}

// checks differs when proofs are checked in another way than before, so that what was
// recorded then is checked again. It changes with every change that refuses more.
const checks = "1"

// verdict is the text that stands for: this rule with this key has proved the image.
func (r *Rule) verdict(im Image) string {
	name := im.Repository
	if im.Tag != "" {
		name += ":" + im.Tag
	}
	sum := sha256.Sum256([]byte(checks + "\n" + r.Images.String() + "\n" + r.SignedAs + "\n" + r.Mark))
	return name + "@" + im.Digest + " by " + hex.EncodeToString(sum[:8])
}

// String returns what messages call the rule.
func (r *Rule) String() string {
	if r.SignedAs == "" {
		return fmt.Sprintf("%s (%s)", r.Images, r.Name)
	}
	return fmt.Sprintf("%s signed as %s (%s)", r.Images, r.SignedAs, r.Name)
}

// A RefusedError says that an image is not proved.
type RefusedError struct {
	Image Image
	Rule  string
	Err   error // what was found
}

// Error names the image, the rule and what was found.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("%s is not trusted: %v; the rule is %s", e.Image, e.Err, e.Rule)
}

// Unwrap returns what was found.
func (e *RefusedError) Unwrap() error { return e.Err }

// A Findings collects why the signatures of an image do not prove it.
type Findings struct{ reasons []string }

// Add adds the reason of one signature, and where it is. The reason may show what a server
// or a signer has written.
func (f *Findings) Add(where string, err error) {
	reason := []rune(human.Clean(where + ": " + err.Error()))
	if len(reason) > maxReason {
		reason = append(reason[:maxReason], '…')
	}
	f.reasons = append(f.reasons, string(reason))
}

const (
	// maxReasons is the largest number of reasons that an error shows.
	maxReasons = 8
	// maxReason is the largest length of one of them.
	maxReason = 300
)

// Err returns the error of an image whose signatures all have been looked at. Places says
// where they were looked for.
func (f *Findings) Err(places string) error {
	n := len(f.reasons)
	if n == 0 {
		return errors.New("there is no signature of it " + places)
	}
	shown := strings.Join(f.reasons[:min(n, maxReasons)], "; ")
	if n > maxReasons {
		shown += fmt.Sprintf("; and %d more", n-maxReasons)
	}
	return errors.New(shown)
}
