// Package environment lists all that bayplan reads of the machine it runs on besides the
// plan and what the plan names: environment variables, files and programs. The list is for
// people. A test compares it with the code.
package environment

// A Variable is an environment variable that bayplan reads.
type Variable struct {
	Name    string
	Meaning string // sentences, for people
}

// A Group is variables that belong together.
type Group struct {
	Title     string
	Text      string // what holds for all of them, "" if nothing
	Variables []Variable
}

// Variables returns all environment variables that bayplan reads.
func Variables() []Group {
	return []Group{plans(), logins(), clouds(), network(), terminals(), ci(), system()}
}

func plans() Group {
	return Group{"Values of plans", "", []Variable{
		{"BAYPLAN_VAR_NAME", "The text of the variable NAME of the plan, in place of the plan's value. `--var-file` and `--var` go before it. A variable that the plan does not have is ignored."},
		{"NAME", "The value of a secret, or the password of a key that signs media, of which the plan says `env: NAME`. Only the variables that the plan names are read, each at its first use."},
	}}
}

func logins() Group {
	return Group{"Logins of registries", "They are read only for a connection that says `login: config`.", []Variable{
		{"REGISTRY_AUTH_FILE", "The only file with logins that is read, in place of the files below. It must exist."},
		{"XDG_RUNTIME_DIR", "Directory of `containers/auth.json`, where `podman login` keeps logins until the user logs out."},
		{"XDG_CONFIG_HOME", "Directory of `containers/auth.json` and of `openstack/clouds.yaml`, in place of `~/.config`."},
		{"DOCKER_CONFIG", "Directory of `config.json`, where `docker login` keeps logins, in place of `~/.docker`."},
	}}
}

func clouds() Group {
	return Group{"Clouds", "The variables that describe a cloud are read where no `clouds.yaml` has the cloud of a connection. Other variables that begin with `OS_` count as the `openstack` command has them: `OS_NAME` is the setting `name` of an entry.", []Variable{
		{"OS_CLIENT_CONFIG_FILE", "The `clouds.yaml` to read, in place of the first one that is found. It must exist."},
		{"OS_CLIENT_SECURE_FILE", "The `secure.yaml` to read, in place of the first one that is found."},
		{"OS_AUTH_URL", "Address of the identity service. With it, the `OS_*` variables describe a cloud."},
		{"OS_CLOUD", "Name of the cloud that the `OS_*` variables describe. If a connection names another cloud, bayplan refuses them."},
		{"OS_CLOUDNAME", "The same as `OS_CLOUD`, as `stackrc` and `overcloudrc` set it."},
		{"OS_CLOUD_NAME", "The name that `clouds.yaml` files use for the cloud of the `OS_*` variables, in place of `envvars`."},
		{"OS_USERNAME", "User to log in as. `OS_USER_DOMAIN_NAME` is the user's domain."},
		{"OS_PASSWORD", "Password of the user. Credential helpers and package tools do not get it, nor the other secrets of this group."},
		{"OS_PROJECT_NAME", "Project that images belong to. `OS_PROJECT_DOMAIN_NAME` is its domain."},
		{"OS_REGION_NAME", "Region of the image service. The connection's `region` goes before it."},
		{"OS_CACERT", "PEM file of the certificate authority."},
		{"OS_TOKEN", "Token to log in with. It is a secret, as `OS_AUTH_TOKEN`, `OS_ACCESS_TOKEN`, `OS_CLIENT_SECRET` and `OS_PASSCODE` are."},
		{"OS_APPLICATION_CREDENTIAL_SECRET", "Secret of an application credential, with `OS_APPLICATION_CREDENTIAL_ID`."},
	}}
}

func network() Group {
	return Group{"Network", "Each may also be written in lower case.", []Variable{
		{"HTTPS_PROXY", "Proxy for https, as `http://[USER:PASSWORD@]HOST:PORT`. A password in it is masked in all output."},
		{"HTTP_PROXY", "Proxy for plain http."},
		{"NO_PROXY", "Hosts that are reached without a proxy: names, `.domain` for all below a domain, addresses and networks, separated by commas; `*` for all."},
		{"SSL_CERT_FILE", "PEM file of the certificate authorities to trust, in place of the system's. Linux only. A connection's `ca` goes before it."},
		{"SSL_CERT_DIR", "Directories of such files, separated by colons, in place of the system's. Linux only."},
	}}
}

func terminals() Group {
	return Group{"Terminal", "", []Variable{
		{"NO_COLOR", "Any value: no colours ([no-color.org](https://no-color.org))."},
		{"CLICOLOR_FORCE", "Any value but `0`: colours also where the output is not a terminal."},
		{"CLICOLOR", "`0`: no colours."},
		{"TERM", "`dumb`: no colours, and nothing is drawn; a run is shown line by line."},
		{"LC_ALL", "Locale. If it is not one of UTF-8, what bayplan draws is ASCII. `LC_CTYPE` and then `LANG` count where it is not set."},
		{"LC_CTYPE", "See `LC_ALL`."},
		{"LANG", "See `LC_ALL`. Texts are in English in every locale."},
		{"TZ", "Time zone of the times that are shown to people. Files and JSON have UTC."},
	}}
}

func ci() Group {
	return Group{"CI systems", "", []Variable{
		{"GITHUB_ACTIONS", "`true`: `--ci auto` writes for GitHub."},
		{"GITHUB_WORKSPACE", "Root of the repository on GitHub: paths of annotations count from there."},
		{"GITHUB_STEP_SUMMARY", "File to which the summary of a job is added on GitHub."},
		{"GITLAB_CI", "`true`: `--ci auto` writes for GitLab."},
		{"CI_PROJECT_DIR", "Root of the repository on GitLab: paths of reports count from there."},
	}}
}

func system() Group {
	return Group{"System", "", []Variable{
		{"HOME", "Home directory: `~` in paths of plans, and the files below."},
		{"PATH", "Where the programs below are looked for."},
		{"TMPDIR", "Directory of the world of `rehearse` and of `diff --base`, in place of `/tmp`. Other commands keep temporary files beside what they become, or in the state."},
		{"SOURCE_DATE_EPOCH", "The date of the pages that `man` writes, in seconds since 1970. Without it they have none."},
		{"SUDO_UID", "As root: the user who called sudo. Files of the state that belong to this user are trusted."},
		{"GOGC", "How much the heap may grow between two garbage collections, in percent, in place of 75."},
		{"GOMEMLIMIT", "Soft limit of the memory, as `200MiB`."},
		{"GOMAXPROCS", "How many processors are used at a time."},
	}}
}
