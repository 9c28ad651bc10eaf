package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/bayplan/bayplan/internal/dev/bench/wire"
)

// A seeder pushes the synthetic set to a registry.
type seeder struct {
	to     *wire.Client
	layers map[int]pushedLayer
}

// A pushedLayer is a layer that is in the registry.
type pushedLayer struct {
	descriptor

	diffID     string
	repository string
}

// seed pushes the set to a registry and saves its contents in a file.
func seed(ctx context.Context, host string, unit int64, file string) error {
	s := &seeder{to: wire.New(host, 2), layers: map[int]pushedLayer{}}
	c := &contents{Version: setVersion}
	var manifests []manifest
	for _, r := range makeSet(unit) {
		m, e, err := s.image(ctx, r)
		if err != nil {
			return fmt.Errorf("push %s: %w", r.repository, err)
		}
		manifests, c.Images = append(manifests, m), append(c.Images, e)
	}
	c.count(manifests)
	return c.save(file)
}

func (s *seeder) image(ctx context.Context, r recipe) (manifest, entry, error) {
	m := manifest{SchemaVersion: 2, MediaType: typeManifest}
	e := entry{Repository: r.repository, Tag: setTag}
	var diffIDs []string
	for _, l := range r.layers {
		p, err := s.layer(ctx, r.repository, l)
		if err != nil {
			return m, e, err
		}
		m.Layers, diffIDs = append(m.Layers, p.descriptor), append(diffIDs, p.diffID)
	}
	conf, err := r.config(diffIDs)
	if err != nil {
		return m, e, err
	}
	m.Config = descriptor{typeConfig, int64(len(conf)), digestOf(conf)}
	at, err := s.to.StartUpload(ctx, r.repository)
	if err == nil {
		err = s.to.FinishUpload(ctx, at, m.Config.Digest, m.Config.Size, bytes.NewReader(conf))
	}
	if err != nil {
		return m, e, err
	}
	data, err := json.Marshal(m)
	if err != nil {
		return m, e, err
	}
	e.Digest = digestOf(data)
	return m, e, s.to.PutManifest(ctx, e.Repository, e.Tag, data)
}

// layer pushes a layer to a repository, or mounts it from another one.
func (s *seeder) layer(ctx context.Context, repository string, l layer) (pushedLayer, error) {
	if p, there := s.layers[l.number]; there {
		return p, s.to.Mount(ctx, repository, p.repository, p.Digest)
	}
	p, err := s.push(ctx, repository, l)
	if err == nil {
		s.layers[l.number] = p
	}
	return p, err
}

// push sends a layer while it is generated: the digest is known only at the end.
func (s *seeder) push(ctx context.Context, repository string, l layer) (pushedLayer, error) {
	at, err := s.to.StartUpload(ctx, repository)
	if err != nil {
		return pushedLayer{}, err
	}
	p := pushedLayer{repository: repository}
	compressed := newDigester()
	rd, wr := io.Pipe()
	made := make(chan struct{})
	go func() {
		defer close(made)
		var err error
		p.diffID, err = l.write(io.MultiWriter(compressed, wr))
		wr.CloseWithError(err)
	}()
	h, err := wire.Drain(s.to.Do(ctx, http.MethodPatch, at.String(), rd, -1, http.StatusAccepted))
	rd.CloseWithError(err)
	<-made
	if err != nil {
		return pushedLayer{}, err
	}
	p.descriptor = descriptor{typeLayer, compressed.n, compressed.digest()}
	if at, err = at.Parse(h.Get("Location")); err != nil {
		return pushedLayer{}, err
	}
	query := at.Query()
	query.Set("digest", p.Digest)
	at.RawQuery = query.Encode()
	_, err = wire.Drain(s.to.Do(ctx, http.MethodPut, at.String(), nil, 0, http.StatusCreated))
	return p, err
}
