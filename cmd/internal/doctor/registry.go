package doctor

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/registry"
)

// sample is how many images or repositories of a registry are tried. A right is hardly ever
// given for one image alone, and each costs a request or two.
const sample = 3

// registry looks at a container registry that answers.
func (d *doctor) registry(ctx context.Context, s *server) []Finding {
	client := d.Conns.Registry()
	pong, err := client.Ping(ctx, s.Host, repositoriesOf(s)...)
	if err != nil {
		return []Finding{failed(ctx, "login", err, "check user and password of its connection")}
	}
	found := []Finding{ok("version", "%s", pong.Server), loginOf(s, pong)}
	found = append(found, readable(ctx, client, s)...)
	found = append(found, pushable(ctx, client, s)...)
	return append(found, d.pulls(client, s)...)
}

func loginOf(s *server, pong registry.PingResult) Finding {
	switch {
	case pong.Login:
		return ok("login", "accepted")
	case pong.Asks:
		return ok("login", "asked for, and none is given: what needs none can be read")
	case s.Login:
		return ok("login", "not asked for")
	}
	return ok("login", "none is needed")
}

// repositoriesOf gives a few of the repositories that the plan names: a login may be for
// these alone.
func repositoriesOf(s *server) []string {
	all := slices.Clone(s.writes)
	for _, image := range s.reads {
		if _, repository, _, err := registry.Split(image); err == nil {
			all = appendNew(all, repository)
		}
	}
	return all[:min(len(all), sample)]
}

// spread gives a few of many names, of as many repositories as possible.
func spread(images []string) []string {
	var few []string
	seen := map[string]bool{}
	for _, image := range images {
		if _, repository, _, err := registry.Split(image); err == nil && !seen[repository] && len(few) < sample {
			seen[repository] = true
			few = append(few, image)
		}
	}
	return few
}

// readable tries a few of the images that the plan reads. HEAD counts as no pull.
func readable(ctx context.Context, client *registry.Client, s *server) []Finding {
	few := spread(s.reads)
	if len(few) == 0 {
		return nil
	}
	var found []Finding
	for _, image := range few {
		var err error
		if _, _, tag, splitErr := registry.Split(image); splitErr == nil && tag == "" && !strings.Contains(image, "@") {
			_, err = client.Tags(ctx, image)
		} else {
			_, err = client.Resolve(ctx, image)
		}
		if err != nil {
			found = append(found, failed(ctx, "read", err, "check the name and the tag, and that its login may read it"))
		}
	}
	if len(found) == 0 {
		found = append(found, ok("read", "%s", tried(few, len(s.reads), "image", "images")))
	}
	return found
}

func tried(few []string, all int, one, many string) string {
	text := strings.Join(few, ", ")
	if all > len(few) {
		text += fmt.Sprintf(" (of %s)", human.Count(all, one, many))
	}
	return text
}

// pushable asks whether a few of the repositories that the plan writes take a push.
func pushable(ctx context.Context, client *registry.Client, s *server) []Finding {
	if len(s.writes) == 0 {
		if s.fills {
			return []Finding{ok("push", "not asked: the names of its images are known in a run only")}
		}
		return nil
	}
	few, sure := s.writes[:min(len(s.writes), sample)], true
	var found []Finding
	for _, repository := range few {
		known, err := client.MayPush(ctx, s.Host+"/"+repository)
		if err != nil {
			found = append(found, failed(ctx, "push", err, "give its connection a login that may push"))
		}
		sure = sure && known
	}
	switch {
	case len(found) > 0:
		return found
	case !sure:
		return []Finding{ok("push", "this registry tells only when something is pushed")}
	}
	return []Finding{ok("push", "allowed to %s", tried(few, len(s.writes), "repository", "repositories"))}
}

// pulls says what is left of what a registry lets its user pull, as the answers before have
// told it.
func (d *doctor) pulls(client *registry.Client, s *server) []Finding {
	text, left, limited := client.Quota(s.Host)
	if !limited {
		return nil
	}
	const hint = "wait, or log in: those who do get more"
	switch {
	case left == 0:
		return []Finding{fail("pulls", hint, "%s", text)}
	case left <= s.KeepPulls:
		return []Finding{fail("pulls", "wait, or lower keep_pulls of the connection", "%s, and keep_pulls is %d", text, s.KeepPulls)}
	case left-s.KeepPulls < len(s.reads):
		return []Finding{warn("pulls", hint, "%s, and the plan reads %s", text, human.Count(len(s.reads), "image", "images"))}
	}
	return []Finding{ok("pulls", "%s", text)}
}

// cloud looks at the identity service of a cloud, logs in, and asks its image service.
func (d *doctor) cloud(ctx context.Context, s *server) []Finding {
	at, t, err := d.Conns.CloudIdentity(ctx, s.Name)
	if err != nil {
		return []Finding{failed(ctx, "login", err, "")}
	}
	var found []Finding
	u, err := url.Parse(at)
	if err != nil || u.Host == "" {
		return []Finding{fail("login", "write it as https://HOST:PORT/v3", "auth_url %q is not an address", at)}
	}
	s.URL = at
	found = append(found, d.proxyOf(ctx, s)...)
	answer, err := d.look(ctx, at, t)
	if err != nil {
		return append(found, failed(ctx, "reach", err, d.unreachedHint(s, err)))
	}
	s.Login = true
	found = append(found, ok("reach", "%s answers in %d ms", answer.remote, answer.took.Milliseconds()))
	found = append(found, d.security(s, answer)...)
	client, err := d.Conns.Cloud(ctx, s.Name)
	if err != nil {
		return append(found, failed(ctx, "login", err, ""))
	}
	found = append(found, ok("login", "accepted"))
	for _, note := range client.Notes() {
		found = append(found, warn("login", "", "%s", note))
	}
	images, err := client.List(ctx, s.writes...)
	if err != nil {
		return append(found, failed(ctx, "read", err, "check the region and interface of the cloud"))
	}
	return append(found, ok("read", "the image service at %s has %s of the plan's names", client.Endpoint(), human.Count(len(images), "image", "images")))
}
