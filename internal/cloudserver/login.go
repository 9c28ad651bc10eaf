package cloudserver

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
)

// An identityRef refers to a user, project or domain by its id, or by its name
// within a domain.
type identityRef struct {
	ID     string       `json:"id"`
	Name   string       `json:"name"`
	Domain *identityRef `json:"domain"`
}

// A login is the body of a request for a token.
type login struct {
	Auth struct {
		Identity struct {
			Methods  []string `json:"methods"`
			Password *struct {
				User struct {
					identityRef
					Password string `json:"password"`
				} `json:"user"`
			} `json:"password"`
			Token *struct {
				ID string `json:"id"`
			} `json:"token"`
		} `json:"identity"`
		Scope *scope `json:"scope"`
	} `json:"auth"`
}

// A scope is what a token is valid for.
type scope struct {
	Project *identityRef `json:"project"`
	Domain  *identityRef `json:"domain"`
}

var errLogin = &refusal{http.StatusUnauthorized, "the request needs authentication, and its credentials are wrong"}

// checkMethods checks the credentials of every method that the login names.
func (c *Cloud) checkMethods(l *login) error {
	if len(l.Auth.Identity.Methods) == 0 {
		return refuse(http.StatusBadRequest, "auth.identity.methods is missing")
	}
	for _, method := range l.Auth.Identity.Methods {
		if err := c.checkMethod(method, l); err != nil {
			return err
		}
	}
	return nil
}

func (c *Cloud) checkMethod(method string, l *login) error {
	by := l.Auth.Identity
	switch {
	case method == "password" && by.Password != nil:
		user := by.Password.User
		if user.ID == "" && user.Domain == nil {
			return refuse(http.StatusBadRequest, "a user's name needs a domain")
		}
		if c.isUser(user.identityRef) && equalSecrets(user.Password, c.conf.Password) {
			return nil
		}
		return errLogin
	case method == "token" && by.Token != nil:
		if _, ok := c.tokens.find(by.Token.ID, c.conf.Now()); ok {
			return nil
		}
		return errLogin
	}
	return refuse(http.StatusBadRequest, "auth.identity.%s is missing, or is not a known method", method)
}

func equalSecrets(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

func (c *Cloud) isUser(n identityRef) bool    { return n.matches(c.userID(), c.conf.User) }
func (c *Cloud) isProject(n identityRef) bool { return n.matches(c.projectID(), c.conf.Project) }

// matches reports whether n refers to the thing with this id and name in the
// default domain. A name without a domain matches nothing.
func (n identityRef) matches(id, name string) bool {
	if n.ID != "" {
		return n.ID == id
	}
	return n.Name == name && n.Domain.isDefault()
}

func (n *identityRef) isDefault() bool {
	return n != nil && (n.ID == "default" || n.ID == "" && strings.EqualFold(n.Name, "default"))
}

// checkScope checks that the user may have the scope.
func (c *Cloud) checkScope(s *scope) error {
	switch {
	case s == nil:
		return nil
	case s.Project != nil && c.isProject(*s.Project):
		return nil
	}
	return errLogin // also for a domain scope: the user has no role on the domain
}

func (c *Cloud) userID() string    { return fixedID("user", c.conf.User) }
func (c *Cloud) projectID() string { return fixedID("project", c.conf.Project) }

// fixedID returns an id that is the same in every process.
func fixedID(kind, name string) string {
	sum := sha256.Sum256([]byte(kind + " " + name))
	return hex.EncodeToString(sum[:16])
}

// roles returns the roles that the user has on the project.
func (c *Cloud) roles() []string {
	if c.conf.Member {
		return []string{"member", "reader"}
	}
	return []string{"admin", "member", "reader"}
}

func (c *Cloud) isAdmin() bool { return slices.Contains(c.roles(), "admin") }
