package redact

import "testing"

func TestAddSettings(t *testing.T) {
	for file, secret := range map[string]string{
		"clouds:\n  a:\n    auth:\n      password: hunter2-x  # ours\n": "hunter2-x",
		"      password: *hunter2-x\n":                                  "hunter2-x",
		"password: &anchor2 hunter2-x\n":                                "anchor2 hunter2-x",
		`auth: { username: me, password: "hunter2, x", project: p }`:    "hunter2",
		`{"auth":{"application_credential_secret":"hunter2-x"}}`:        "hunter2-x",
		"OS_PASSWORD='hunter2-x'\n":                                     "hunter2-x",
		"token = hunter2-x\r\nuser = me\r\n":                            "hunter2-x",
		"  password: hunter2-x\n bad: [":                                "hunter2-x",
	} {
		r := New()
		r.AddSettings(file)
		if got := r.Text("it is " + secret); got != "it is "+Mark {
			t.Errorf("%q: %q", file, got)
		}
		const public = "user me, project a, clouds"
		if got := r.Text(public); got != public {
			t.Errorf("%q: %q", file, got)
		}
	}
}
