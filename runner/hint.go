package runner

import "github.com/bayplan/bayplan/plan"

// didYouMean gives a hint when one of the known names is close to name.
func didYouMean(name string, known []string) string {
	if near := plan.Suggest(name, known); near != "" {
		return "did you mean " + near + "?"
	}
	return ""
}
