package cloudserver

import (
	"maps"
	"net/http"
	"slices"
)

var memberStates = []string{"pending", "accepted", "rejected"}

func (m member) show(image, id string) obj {
	return obj{
		"image_id": image, "member_id": id, "status": m.Status, "schema": "/v2/schemas/member",
		"created_at": imageTimestamp(m.Created), "updated_at": imageTimestamp(m.Updated),
	}
}

// checkShared refuses an image that cannot have members.
func checkShared(i *image) error {
	if i.Visibility != "shared" {
		return refuse(http.StatusForbidden, "image %q is %s; only a shared image has members", i.ID, i.Visibility)
	}
	return nil
}

func errNoMember(image, id string) error {
	return refuse(http.StatusNotFound, "image %q has no member %q", image, id)
}

func (c *Cloud) listMembers(w http.ResponseWriter, r *http.Request) error {
	i, err := c.images.get(r.PathValue("id"))
	if err != nil {
		return err
	}
	list := []any{}
	for _, id := range slices.Sorted(maps.Keys(i.Members)) {
		list = append(list, i.Members[id].show(i.ID, id))
	}
	return writeJSON(w, http.StatusOK, obj{"members": list, "schema": "/v2/schemas/members"})
}

func (c *Cloud) getMember(w http.ResponseWriter, r *http.Request) error {
	i, err := c.images.get(r.PathValue("id"))
	if err != nil {
		return err
	}
	id := r.PathValue("member")
	m, ok := i.Members[id]
	if !ok {
		return errNoMember(i.ID, id)
	}
	return writeJSON(w, http.StatusOK, m.show(i.ID, id))
}

func (c *Cloud) postMember(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Member string `json:"member"`
	}
	if err := readJSON(r, &body); err != nil {
		return err
	}
	if body.Member == "" || len(body.Member) > maxName {
		return refuse(http.StatusBadRequest, "member must be the id of a project")
	}
	return c.changeMember(w, r, body.Member, func(i *image) (member, error) {
		if _, there := i.Members[body.Member]; there {
			return member{}, refuse(http.StatusConflict, "image %q already has a member %q", i.ID, body.Member)
		}
		now := c.conf.Now().UTC()
		return member{Status: memberStates[0], Created: now, Updated: now}, nil
	})
}

func (c *Cloud) putMember(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Status string `json:"status"`
	}
	if err := readJSON(r, &body); err != nil {
		return err
	}
	if !slices.Contains(memberStates, body.Status) {
		return refuse(http.StatusBadRequest, "status must be one of %q, not %q", memberStates, body.Status)
	}
	id := r.PathValue("member")
	return c.changeMember(w, r, id, func(i *image) (member, error) {
		m, ok := i.Members[id]
		if !ok {
			return m, errNoMember(i.ID, id)
		}
		m.Status, m.Updated = body.Status, c.conf.Now().UTC()
		return m, nil
	})
}

// changeMember stores the member that next returns and sends it.
func (c *Cloud) changeMember(w http.ResponseWriter, r *http.Request, id string, next func(*image) (member, error)) error {
	i, err := c.images.update(r.PathValue("id"), func(i *image) error {
		if err := checkShared(i); err != nil {
			return err
		}
		m, err := next(i)
		if err != nil {
			return err
		}
		if i.Members == nil {
			i.Members = map[string]member{}
		}
		i.Members[id] = m
		return nil
	})
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, i.Members[id].show(i.ID, id))
}

func (c *Cloud) deleteMember(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("member")
	return c.change(w, r, func(i *image) error {
		if err := checkShared(i); err != nil {
			return err
		}
		if _, ok := i.Members[id]; !ok {
			return errNoMember(i.ID, id)
		}
		delete(i.Members, id)
		return nil
	})
}
