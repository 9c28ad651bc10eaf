package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// A seeder pushes the synthetic set to a registry.
type seeder struct {
	to     *wire
	layers map[int]placed
}

// A placed layer is one that is at the registry.
type placed struct {
	descriptor

	diffID     string
	repository string
}

// seed pushes a set and writes down what the registry then holds.
func seed(ctx context.Context, host string, unit int64, file string) error {
	s := &seeder{to: newWire(host, 2), layers: map[int]placed{}}
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
	at, err := s.to.upload(ctx, r.repository)
	if err == nil {
		err = s.to.finish(ctx, at, m.Config, bytes.NewReader(conf))
	}
	if err != nil {
		return m, e, err
	}
	data, err := json.Marshal(m)
	if err != nil {
		return m, e, err
	}
	e.Digest = digestOf(data)
	return m, e, s.to.putManifest(ctx, e, data)
}

// layer sees to it that a repository has a layer.
func (s *seeder) layer(ctx context.Context, repository string, l layer) (placed, error) {
	if p, there := s.layers[l.number]; there {
		return p, s.to.mount(ctx, repository, p.repository, p.Digest)
	}
	p, err := s.push(ctx, repository, l)
	if err == nil {
		s.layers[l.number] = p
	}
	return p, err
}

// push sends a layer while it is made: its digest is known at the end only.
func (s *seeder) push(ctx context.Context, repository string, l layer) (placed, error) {
	at, err := s.to.upload(ctx, repository)
	if err != nil {
		return placed{}, err
	}
	p := placed{repository: repository}
	outside := newDigester()
	rd, wr := io.Pipe()
	made := make(chan struct{})
	go func() {
		defer close(made)
		var err error
		p.diffID, err = l.write(io.MultiWriter(outside, wr))
		wr.CloseWithError(err)
	}()
	h, err := done(s.to.do(ctx, http.MethodPatch, at.String(), rd, -1, http.StatusAccepted))
	rd.CloseWithError(err)
	<-made
	if err != nil {
		return placed{}, err
	}
	p.descriptor = descriptor{typeLayer, outside.n, outside.digest()}
	if at, err = at.Parse(h.Get("Location")); err != nil {
		return placed{}, err
	}
	query := at.Query()
	query.Set("digest", p.Digest)
	at.RawQuery = query.Encode()
	_, err = done(s.to.do(ctx, http.MethodPut, at.String(), nil, 0, http.StatusCreated))
	return p, err
}
