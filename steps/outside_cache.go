package steps

import "path/filepath"

// labelsFile is where the labels of images are kept, by digest. It may be
// deleted at any time.
const labelsFile = "labels.json"

// Recall lets what is asked of the outside world begin with what an earlier
// run has kept in dir. It is called after Open.
func (o *Outside) Recall(dir string) error {
	return o.client.LoadLabels(filepath.Join(dir, labelsFile))
}

// Keep keeps in dir what was learned of the outside world and cannot change.
func (o *Outside) Keep(dir string) error {
	return o.client.SaveLabels(filepath.Join(dir, labelsFile))
}
