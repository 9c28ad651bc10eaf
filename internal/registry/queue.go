package registry

import (
	"slices"
	"time"

	"github.com/regclient/regclient/types/ref"
)

// A job is one piece of work.
type job struct {
	kind  jobKind
	blob  *Blob
	place *place // that gets the blob
	from  ref.Ref
	entry *ImagePlan // the image of a publishJob
}

// noteBegin notes on the images that the job is for when the first of their jobs began.
func (j *job) noteBegin() {
	images := []*ImagePlan{j.entry}
	if j.place != nil {
		images = j.place.entries
	}
	for _, e := range images {
		if e.Began.IsZero() {
			e.Began = time.Now()
		}
	}
}

type jobKind int

const (
	pullJob    jobKind = iota // source to destination
	copyJob                   // within the destination
	mountJob                  // within the destination, by the registry itself
	publishJob                // an image's manifests
)

type result struct {
	job *job
	err error
}

// A queue holds jobs of one pool. Jobs before head have been taken and are nil,
// so that taking the first of very many costs nothing.
type queue struct {
	jobs    []*job
	head    int
	running int
	limit   int
}

// take removes the job at i, and gives the place of the next one.
func (q *queue) take(i int) int {
	if i > q.head {
		q.jobs = slices.Delete(q.jobs, i, i+1)
		return i
	}
	q.jobs[i] = nil
	q.head++
	return q.head
}

// smallBlob is the largest blob that, like a mount, costs its round trips and
// little else. Small blobs do not wait for large ones, so that images are
// complete one after another.
const smallBlob = 64 << 10

func (e *engine) queueOf(j *job) *queue {
	if (j.kind == pullJob || j.kind == copyJob) && j.blob.Size > smallBlob {
		return &e.largeQueue
	}
	return &e.smallQueue
}

func (e *engine) add(j *job) {
	q := e.queueOf(j)
	q.jobs = append(q.jobs, j)
}
