package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/bayplan/bayplan/cmd/internal/commandline"
	"github.com/bayplan/bayplan/cmd/internal/outfile"
	"github.com/bayplan/bayplan/internal/durable"
	"github.com/bayplan/bayplan/internal/fault"
	"github.com/bayplan/bayplan/internal/hostname"
	"github.com/bayplan/bayplan/internal/human"
	"github.com/bayplan/bayplan/internal/lockfile"
	"github.com/bayplan/bayplan/internal/receipt"
	"github.com/bayplan/bayplan/internal/registry"
	"github.com/bayplan/bayplan/internal/transport"
)

func (p *program) inventoryCommand() *cli.Command {
	return &cli.Command{
		Name:      "inventory",
		Usage:     "write a receipt of what a registry or a layout holds",
		ArgsUsage: "REGISTRY|oci:LAYOUT",
		Description: "Lists the digests and sizes of all blobs, without reading one. Outside,\n" +
			"to: {layout: ..., without: FILE} leaves these out of a medium.\n" +
			"REGISTRY is a connection of the plan that -f names, or a host; without a\n" +
			"plan it is asked over HTTPS and without a login, on loopback over HTTP.",
		Flags: append(planFlags(),
			&cli.StringFlag{Name: "site", Usage: "call what is listed `NAME` (default: its host or file)"},
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write the receipt to `FILE` (default: print it)"}),
		Action: p.inventory,
	}
}

func (p *program) inventory(c *cli.Context) error {
	target := c.Args().First()
	if target == "" || c.Args().Len() > 1 {
		return commandline.Usage(errors.New("name one registry or one layout, as oci:LAYOUT"))
	}
	file := c.String("output")
	if err := checkReceiptFile(c, file, target); err != nil {
		return commandline.Usage(err)
	}
	r, err := p.takeReceipt(c, target)
	if err != nil {
		return err
	}
	if site := c.String("site"); site != "" {
		r.Of = site
	}
	if file == "" {
		_, err := p.Stdout.Write(r.Text())
		return err
	}
	if err := durable.WriteBytes(file, 0o644, r.Text()); err != nil {
		return err
	}
	bytes := int64(0)
	for _, held := range r.Blobs {
		bytes += held.Size
	}
	_, err = fmt.Fprintf(p.Stdout, "%s: %s (%s) of %s\n", file, human.Count(len(r.Blobs), "blob", "blobs"), human.Size(bytes), r.Of)
	return err
}

// checkReceiptFile gives an error, before anything is asked, if the receipt cannot be written or
// would overwrite what the command reads. Files that a plan reads may be receipts.
func checkReceiptFile(c *cli.Context, file, target string) error {
	var files outfile.Files
	files.Add("output", file)
	for _, read := range append(c.StringSlice("var-file"), c.String("connections"), c.String("file"), commandline.DefaultPlan) {
		if read != "" {
			files.Protect(read, lockfile.Of(read))
		}
	}
	if dir, _, ok := registry.CutLayout(target); ok {
		files.Protect(dir)
		files.ProtectDirs("which is the layout", dir)
	}
	return files.Check()
}

// takeReceipt lists what a registry or a layout holds.
func (p *program) takeReceipt(c *cli.Context, target string) (r *receipt.Receipt, err error) {
	if dir, name, ok := registry.CutLayout(target); ok {
		if name != "" {
			return nil, commandline.Usage(fmt.Errorf("%s is one image: name the layout alone, %s%s", target, registry.LayoutPrefix, dir))
		}
		return layoutReceipt(dir)
	}
	if !c.IsSet("file") {
		return receiptOfHost(c.Context, target)
	}
	s, err := p.load(c)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.conns.Close()) }()
	if err := s.conns.Open(true); err != nil {
		return nil, err
	}
	if err := s.conns.CheckRegistry(target); err != nil {
		return nil, err
	}
	host, err := s.conns.RegistryHost(target)
	if err != nil {
		return nil, err
	}
	return s.conns.Registry().Receipt(c.Context, host, time.Now())
}

func layoutReceipt(dir string) (*receipt.Receipt, error) {
	c, err := registry.New(nil)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if _, err := c.LayoutIndex(dir); err != nil {
		if errors.Is(err, os.ErrNotExist) {
			err = fmt.Errorf("%s: there is no layout", dir)
		}
		return nil, err
	}
	blobs, err := c.Layout(dir).Inventory()
	if err != nil {
		return nil, err
	}
	return &receipt.Receipt{Of: registry.LayoutPrefix + filepath.Base(dir), Made: time.Now(), Blobs: blobs}, nil
}

// receiptOfHost asks a registry that no plan describes.
func receiptOfHost(ctx context.Context, host string) (*receipt.Receipt, error) {
	if !hostname.IsHost(host) {
		return nil, commandline.Usage(fault.WithHint(fmt.Errorf("%q is not a host", host), "-f PLAN names the plan that has the connection; the name of a host has a dot or a port"))
	}
	if err := hostname.Check(host); err != nil {
		return nil, commandline.Usage(err)
	}
	var hosts []registry.Host
	if isLoopback(host) {
		hosts = []registry.Host{{Name: host, TLS: transport.Disabled}}
	}
	c, err := registry.New(hosts)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return c.Receipt(ctx, host, time.Now())
}

func isLoopback(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = host
	}
	ip := net.ParseIP(name)
	return name == "localhost" || ip != nil && ip.IsLoopback()
}
