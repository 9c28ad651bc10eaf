package cloudserver

import (
	"net/http"
	"time"
)

// An obj is a JSON object.
type obj = map[string]any

// identityTime is how the Identity service writes a time.
const identityTime = "2006-01-02T15:04:05.000000Z"

var catalogServices = []struct{ kind, name, path string }{
	{"identity", "keystone", identityPath},
	{"image", "glance", imagePath},
}

func defaultDomain() obj { return obj{"id": "default", "name": "Default"} }

func (c *Cloud) project() obj {
	return obj{
		"id": c.projectID(), "name": c.conf.Project, "domain_id": "default", "parent_id": "default",
		"enabled": true, "is_domain": false, "description": "", "tags": []any{}, "options": obj{},
	}
}

// tokenBody returns the JSON body that describes a token.
func (c *Cloud) tokenBody(r *http.Request, t token) obj {
	about := obj{
		"methods":    t.methods,
		"audit_ids":  []string{t.audit},
		"issued_at":  identityTimestamp(t.issued),
		"expires_at": identityTimestamp(t.expires),
		"user": obj{
			"id": c.userID(), "name": c.conf.User, "domain": defaultDomain(), "password_expires_at": nil,
		},
	}
	if t.scoped {
		about["project"] = obj{"id": c.projectID(), "name": c.conf.Project, "domain": defaultDomain()}
		about["is_domain"] = false
		about["roles"] = c.roleList()
		about["catalog"] = c.catalog(r)
	}
	return obj{"token": about}
}

func identityTimestamp(t time.Time) string { return t.UTC().Format(identityTime) }

func (c *Cloud) roleList() []any {
	list := []any{}
	for _, name := range c.roles() {
		list = append(list, obj{"id": fixedID("role", name), "name": name})
	}
	return list
}

// catalog lists the services and their endpoints. The URLs have the host that the
// client used.
func (c *Cloud) catalog(r *http.Request) []any {
	list := []any{}
	for _, s := range catalogServices {
		endpoints := []any{}
		for _, face := range []string{"admin", "internal", "public"} {
			endpoints = append(endpoints, obj{
				"id": fixedID("endpoint", s.kind+" "+face), "interface": face,
				"region": c.conf.Region, "region_id": c.conf.Region, "url": baseURL(r) + s.path,
			})
		}
		list = append(list, obj{"id": fixedID("service", s.kind), "type": s.kind, "name": s.name, "endpoints": endpoints})
	}
	return list
}
