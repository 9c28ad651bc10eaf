package redact

import "testing"

func TestAddSettings(t *testing.T) {
	for file, secret := range map[string]string{
		"clouds:\n  a:\n    auth:\n      password: hunter2-x  # ours\n": "hunter2-x",
		"      password: *hunter2-x\n":                                  "hunter2-x",
		"password: &anchor2 hunter2-x\n":                                "anchor2 hunter2-x",
		`auth: { username: me, password: "hunter2, x", project: p }`:    "hunter2",
		`{"auth":{"application_credential_secret":"hunter2-x"}}`:        "hunter2-x",
		"auth:\n  password: |-\n    hunter2-x\n  a: b\n":                "hunter2-x",
		"password:\r\n  'hunter2-x'\r\n":                                "hunter2-x",
		"passcode: hunter2-x\n":                                         "hunter2-x",
		"auth:\n  username: me\n  password: hunter2-x\n":                "hunter2-x",
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

func TestAddProxies(t *testing.T) {
	for line, secret := range map[string]string{
		"HTTPS_PROXY=http://u:hunter2-x@proxy.test:3128":      "hunter2-x",
		"http_proxy=u:hunter2 x@proxy.test:3128":              "hunter2 x", // no valid URL
		"ALL_PROXY=socks5://u:hunter2%2Dx@proxy.test":         "hunter2-x",
		"https_proxy=http://u:hunter@2-x@proxy.test":          "hunter@2-x",
		"HTTP_PROXY=http://hunter2-x@proxy.test":              "hunter2-x",
		"ftp_proxy=ftp://dom\\u:hunter2-x@[2001:db8::1]:3128": "hunter2-x",
	} {
		r := New()
		r.AddProxies([]string{"PATH=/bin:/usr/bin@x", line, "no_proxy=u:public-x@a"})
		if got := r.Text("it is " + secret + ", u, proxy.test, public-x"); got != "it is "+Mark+", u, proxy.test, public-x" {
			t.Errorf("%s: %q", line, got)
		}
	}
}
