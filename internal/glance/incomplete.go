package glance

import (
	"errors"
	"fmt"

	"github.com/gophercloud/gophercloud/v2"

	"github.com/bayplan/bayplan/internal/fault"
)

// explainIncomplete tells of credentials with which nobody can try to log in, in the
// words of clouds.yaml; nil for any other error.
func explainIncomplete(err error, creds credentials) error {
	for _, gap := range []struct {
		is   func() bool
		says string
		hint string
	}{
		{isError[gophercloud.ErrDomainIDOrDomainName](err), fmt.Sprintf("nothing says to which domain the user %q belongs", userOf(creds.auth)), "set user_domain_name (Default on an undercloud)"},
		{isError[gophercloud.ErrScopeDomainIDOrDomainName](err), fmt.Sprintf("nothing says to which domain the project %q belongs", creds.auth.TenantName), "set project_domain_name (Default on an undercloud)"},
		{isError[gophercloud.ErrScopeProjectIDOrProjectName](err), "the project is named twice", "keep one of project_id and project_name"},
		{isError[gophercloud.ErrScopeProjectIDAlone](err), "project_id stands beside a domain", "drop project_domain_name and project_domain_id"},
		{isError[gophercloud.ErrScopeEmpty](err), "nothing says what project to log in to", "set project_name"},
		{isError[gophercloud.ErrUsernameOrUserID](err), "nothing says which user logs in, or twice", "set one of username and user_id"},
		{isError[gophercloud.ErrMissingPassword](err), fmt.Sprintf("there is no password of the user %q", userOf(creds.auth)), "set password"},
		{isError[gophercloud.ErrAppCredMissingSecret](err), "there is no secret of the application credential", "set application_credential_secret"},
	} {
		if gap.is() {
			return fault.WithHint(errors.New(gap.says), gap.hint+" in "+creds.source)
		}
	}
	return nil
}

func isError[E error](err error) func() bool {
	return func() bool {
		var e E
		return errors.As(err, &e)
	}
}
