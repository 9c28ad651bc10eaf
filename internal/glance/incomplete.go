package glance

import (
	"errors"
	"fmt"

	"github.com/gophercloud/gophercloud/v2"

	"github.com/bayplan/bayplan/internal/fault"
)

// explainIncomplete gives an error about credentials that are not enough to try a login,
// in the words of clouds.yaml. It gives nil for any other error.
func explainIncomplete(err error, creds credentials) error {
	for _, gap := range []struct {
		is   func() bool
		says string
		hint string
	}{
		{isError[gophercloud.ErrDomainIDOrDomainName](err), fmt.Sprintf("the domain of the user %q is not set", userOf(creds.auth)), "set user_domain_name (Default on an undercloud)"},
		{isError[gophercloud.ErrScopeDomainIDOrDomainName](err), fmt.Sprintf("the domain of the project %q is not set", creds.auth.TenantName), "set project_domain_name (Default on an undercloud)"},
		{isError[gophercloud.ErrScopeProjectIDOrProjectName](err), "the project is set twice", "keep one of project_id and project_name"},
		{isError[gophercloud.ErrScopeProjectIDAlone](err), "project_id and a domain of the project are both set", "drop project_domain_name and project_domain_id"},
		{isError[gophercloud.ErrScopeEmpty](err), "no project is set", "set project_name"},
		{isError[gophercloud.ErrUsernameOrUserID](err), "the user is not set, or is set twice", "set one of username and user_id"},
		{isError[gophercloud.ErrMissingPassword](err), fmt.Sprintf("the password of the user %q is not set", userOf(creds.auth)), "set password"},
		{isError[gophercloud.ErrAppCredMissingSecret](err), "the secret of the application credential is not set", "set application_credential_secret"},
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
