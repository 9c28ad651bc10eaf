package sitereport

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/bayplan/bayplan/cmd/internal/document"
	"github.com/bayplan/bayplan/internal/human"
)

// A Judge says how things are at each site.
type Judge struct {
	From    Place
	Now     time.Time             // by the clock of the registry
	Silent  time.Duration         // how old the last report of a site may be
	Targets []document.SiteTarget // what sites should have applied; none: what the newest report of each plan has
	Known   []string              // names of sites that should have reported
}

// Sites judges what was found, the worst first.
func (j Judge) Sites(found []Found) document.Sites {
	d := document.Sites{From: j.From.String(), Now: j.Now, Compare: j.Targets, Sites: make([]document.Site, len(found))}
	if len(d.Compare) == 0 {
		d.Compare = j.newest(found)
	}
	reported := map[string]bool{}
	for i, f := range found {
		d.Sites[i] = j.site(f, d.Compare)
		reported[f.Tag] = true
	}
	for _, name := range j.Known {
		if !reported[name] {
			reported[name] = true
			d.Sites = append(d.Sites, document.Site{Tag: name, State: document.SiteSilent, Notes: []string{"it has never reported"}})
		}
	}
	rank := func(s document.Site) int { return slices.Index(document.SiteState("").Words(), string(s.State)) }
	slices.SortStableFunc(d.Sites, func(a, b document.Site) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), a.Since.Compare(b.Since), cmp.Compare(a.Tag, b.Tag))
	})
	return d
}

// newest gives what the newest report of each plan has. One from the future is none.
func (j Judge) newest(found []Found) []document.SiteTarget {
	at := map[string]time.Time{}
	targets := map[string]document.SiteTarget{}
	for _, f := range found {
		r := f.Report
		if ended := corrected(r, r.Ended); f.Err == nil && r.PlanDigest != "" && ended.After(at[r.Plan]) && !ended.After(j.Now.Add(maxSkew)) {
			at[r.Plan] = ended
			targets[r.Plan] = document.SiteTarget{Plan: r.Plan, PlanDigest: r.PlanDigest, LockDigest: r.LockDigest, Tag: f.Tag}
		}
	}
	all := []document.SiteTarget{}
	for _, t := range targets {
		all = append(all, t)
	}
	slices.SortFunc(all, func(a, b document.SiteTarget) int { return cmp.Compare(a.Plan, b.Plan) })
	return all
}

// site judges what was found at one tag.
func (j Judge) site(f Found, targets []document.SiteTarget) document.Site {
	if f.Err != nil {
		return document.Site{Tag: f.Tag, State: document.SiteUnreadable, Error: oneLine(f.Err.Error())}
	}
	r := f.Report
	ended := corrected(r, r.Ended)
	s := document.Site{
		Tag: f.Tag, State: document.SiteDone, Site: r.Site, StateID: r.StateID, Host: r.Host, Version: r.Version, Verdict: r.Verdict,
		Age: max(0, j.Now.Sub(ended)).Round(time.Second).Seconds(), Took: r.Took, Bytes: r.Bytes,
		Plan: r.Plan, PlanDigest: r.PlanDigest, LockDigest: r.LockDigest, Notes: j.notes(f, ended),
	}
	if r.Clock != nil {
		s.Ahead = seconds(r.Clock.Ahead).Seconds()
	}
	behind := lag(r, targets)
	if behind != "" {
		s.Notes = append(s.Notes, behind)
	}
	switch {
	case s.Verdict != document.VerdictDone || !r.FailingSince.IsZero():
		s.State, s.Since, s.Error = document.SiteFailing, ended, cmp.Or(r.Error, string(s.Verdict))
		if s.Verdict == document.VerdictDone {
			s.Error = "a run before failed, and the last one was for a part of the plan"
		}
		if since := corrected(r, r.FailingSince); !since.IsZero() && since.Before(ended) {
			s.Since = since
		}
	case behind != "":
		s.State, s.Since = document.SiteBehind, ended
	}
	if age := j.Now.Sub(ended); age > j.Silent || age < -j.Silent { // who knows how old a report from the future is
		s.State, s.Since = document.SiteSilent, ended
	}
	return s
}

// known takes each word that is no verdict for a failure.
func known(v document.Verdict) document.Verdict {
	if slices.Contains(v.Words(), string(v)) {
		return v
	}
	return document.VerdictFailed
}

// lag says in what a site is behind, "" for none.
func lag(r document.SiteReport, targets []document.SiteTarget) string {
	i := slices.IndexFunc(targets, func(t document.SiteTarget) bool { return t.Plan == r.Plan })
	if i < 0 {
		return ""
	}
	switch t := targets[i]; {
	case t.PlanDigest != r.PlanDigest && t.LockDigest != r.LockDigest:
		return "it has another plan file and another lock file"
	case t.PlanDigest != r.PlanDigest:
		return "it has another plan file"
	case t.LockDigest != r.LockDigest:
		return "it has another lock file"
	}
	return ""
}

// notes gives what else people should know of a site.
func (j Judge) notes(f Found, ended time.Time) []string {
	r := f.Report
	var notes []string
	note := func(format string, args ...any) { notes = append(notes, fmt.Sprintf(format, args...)) }
	if r.Site != "" && r.Site != f.Tag {
		note("it calls itself %s", r.Site)
	}
	if r.Other != nil {
		note("another state has written to this tag, too, on %s: two sites, or a state that was lost", r.Other.Host)
	}
	switch {
	case r.Clock != nil && skew(r.Clock.Ahead) != "":
		note("its clock is %s the registry's", skew(r.Clock.Ahead))
	case ended.After(j.Now.Add(maxSkew)):
		note("its run ended %s in the future: its clock was wrong, or the registry's", human.Duration(ended.Sub(j.Now).Round(time.Minute)))
	}
	if len(r.Only)+len(r.Skip) > 0 {
		note("its last run was for a part of the plan")
	}
	if r.Unsent > 0 {
		note("%s before could not be sent", human.Count(r.Unsent, "report", "reports"))
	}
	if len(j.Targets) > 0 && !slices.ContainsFunc(j.Targets, func(t document.SiteTarget) bool { return t.Plan == r.Plan }) {
		note("its plan is none of those that are compared")
	}
	return notes
}
