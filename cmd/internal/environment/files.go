package environment

// A File is a file, or a group of files, that bayplan reads or writes without being told its
// path.
type File struct {
	Path    string // NAME stands for the plan's name, PLAN for its file without the ending
	Meaning string // sentences, for people
}

// A FileGroup is files that belong together.
type FileGroup struct {
	Title string
	Text  string // what holds for all of them, "" if nothing
	Files []File
}

// Files returns all files that bayplan reads or writes without being told their paths.
func Files() []FileGroup {
	return []FileGroup{
		{"Files beside the plan", "", []File{
			{"bayplan.yaml", "The plan where `-f` names none, in the working directory."},
			{"PLAN.lock.yaml", "The lock file: what tags stood for. Read by all commands that look up images, written by `apply` and `lock`. `--lock` names another. Check it in."},
			{".bayplan/NAME/", "The state. `--state-dir` names another directory. Only its owner can read it. It has its own `.gitignore`."},
			{".bayplan/NAME/lock", "Held by an `apply` that runs; names its process, user and host."},
			{".bayplan/NAME/state.json", "The records of all steps."},
			{".bayplan/NAME/journal.jsonl", "The records since `state.json` was written, a line each."},
			{".bayplan/NAME/site-report.json", "With `--report-to`: since when runs fail, and the last report if it was not sent."},
			{".bayplan/NAME/runs/TIME/", "The last 50 applies: `run.json` says what each was, `events.jsonl` what happened."},
			{".bayplan/NAME/cache/", "Digests of files, labels of images, uploads under way, blobs that several destinations want. May be deleted while no `apply` runs."},
		}},
		{"Files with logins of registries", "The files are read for connections that say `login: config`, in this order. The longest match of host and repository in a file counts.", []File{
			{"$XDG_RUNTIME_DIR/containers/auth.json", "Logins of `podman login`."},
			{"/run/containers/UID/auth.json", "The same, where `XDG_RUNTIME_DIR` is not set."},
			{"~/.config/containers/auth.json", "Logins of podman that last."},
			{"~/.docker/config.json", "Logins of `docker login`, and credential helpers."},
		}},
		{"Files with clouds", "The files are looked for in the working directory, `~/.config/openstack`, `/etc/xdg/openstack` and `/etc/openstack`, in this order, with the endings `.yaml`, `.yml` and `.json`. The first one of each kind is read.", []File{
			{"clouds.yaml", "The entries that connections of clouds name."},
			{"secure.yaml", "Secrets of these entries."},
			{"clouds-public.yaml", "Vendor profiles that entries name."},
		}},
		{"Files of the system", "", []File{
			{"/etc/ssl/certs/, /etc/pki/tls/certs/ca-bundle.crt", "The certificate authorities of the system, on Linux where Go looks for them. macOS asks its keychain."},
			{"/etc/resolv.conf, /etc/hosts, /etc/nsswitch.conf", "How names of hosts are resolved."},
			{"/etc/passwd, /etc/group", "Names of users and groups: who runs bayplan, and `owner` of `place` steps."},
			{"/etc/localtime", "The time zone, where `TZ` is not set."},
			{"/proc/net/tcp, /proc/PID/", "`doctor` on Linux: who listens on a port of this host."},
		}},
	}
}

// NotRead returns files that other programs for images read and bayplan does not.
func NotRead() []File {
	return []File{
		{"/etc/containers/policy.json", "What has to prove images is `signatures.trust` of a mirror step."},
		{"/etc/containers/registries.conf", "Mirrors and short names: a plan names every image in full."},
		{"/etc/containers/registries.d/", "Stores of signatures are `store` of a rule of `trust`."},
		{"/etc/containers/certs.d/, /etc/docker/certs.d/", "Certificates are `ca`, `cert` and `key` of a connection."},
		{"~/.netrc", "Logins of web servers are under `connections.hosts`."},
	}
}

// A Program is a program that bayplan starts.
type Program struct {
	Name    string
	Meaning string
}

// Programs returns the programs that bayplan starts, which are looked for in PATH.
func Programs() []Program {
	return []Program{
		{"docker-credential-NAME", "Credential helpers that `config.json` or `auth.json` names, for connections that say `login: config`. They do not get the variables of other secrets."},
		{"git", "`diff --base git:REV` reads a plan of a revision; `doctor` asks for its version. It gets few variables, and none with a secret. Nothing of the repository is changed."},
		{"dnf, yum, rpm", "`package` steps with `names`, which install packages. They get few variables, and none with a secret."},
	}
}
