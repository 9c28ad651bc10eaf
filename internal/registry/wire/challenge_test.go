package wire

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestChallenges(t *testing.T) {
	tests := map[string]struct {
		headers []string
		want    []challenge
	}{
		"bearer": {
			[]string{`Bearer realm="https://auth.example/token",service="registry.example",scope="repository:a/b:pull,push"`},
			[]challenge{{"bearer", map[string]string{"realm": "https://auth.example/token", "service": "registry.example", "scope": "repository:a/b:pull,push"}}},
		},
		"basic and bearer in one line": {
			[]string{`Basic realm="r", Bearer realm="x", service=y`},
			[]challenge{{"basic", map[string]string{"realm": "r"}}, {"bearer", map[string]string{"realm": "x", "service": "y"}}},
		},
		"in two lines": {
			[]string{`Negotiate`, `BASIC Realm=r`},
			[]challenge{{"negotiate", nil}, {"basic", map[string]string{"realm": "r"}}},
		},
		"quotes in quotes": {[]string{`Basic realm="a\"b, c=\"d\""`}, []challenge{{"basic", map[string]string{"realm": `a"b, c="d"`}}}},
		"odd spaces":       {[]string{`  Bearer   realm = "x" ,  service= "y" `}, []challenge{{"bearer", map[string]string{"realm": "x", "service": "y"}}}},
		"an open quote":    {[]string{`Basic realm="abc`}, []challenge{{"basic", map[string]string{"realm": "abc"}}}},
		"nothing":          {[]string{"", " , "}, nil},
		"no header":        {nil, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := challenges(http.Header{"Www-Authenticate": tt.headers})
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(challenge{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func FuzzChallenges(f *testing.F) {
	for _, s := range []string{`Bearer realm="x",scope="a:b:c"`, `Basic`, `a="b`, `,,=,"`, `x y=z, w`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, c := range challenges(http.Header{"Www-Authenticate": {s}}) {
			if c.scheme != strings.ToLower(c.scheme) || len(c.scopes()) > maxScopes {
				t.Errorf("%q: %+v", s, c)
			}
		}
	})
}
