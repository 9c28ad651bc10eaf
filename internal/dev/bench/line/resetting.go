package line

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
)

// A Resetting is a line to a server that resets each connection after some bytes. It
// counts the bytes of all connections, seen from the client.
type Resetting struct {
	Target         string // host:port of the server
	Sent, Received int64  // bytes that a connection carries, 0: any number

	AllSent, AllReceived atomic.Int64
}

// Serve forwards connections until ctx ends.
func (l *Resetting) Serve(ctx context.Context, ln net.Listener) error {
	return serve(ctx, ln, func(conn net.Conn) { l.relay(ctx, conn.(*net.TCPConn)) })
}

func (l *Resetting) relay(ctx context.Context, client *net.TCPConn) {
	defer client.Close()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", l.Target)
	if err != nil {
		return
	}
	server := conn.(*net.TCPConn)
	defer server.Close()
	stop := context.AfterFunc(ctx, func() { _, _ = client.Close(), server.Close() })
	defer stop()
	// What waits here at a reset was counted, but did not pass.
	_, _ = client.SetWriteBuffer(2*chunkSize), server.SetWriteBuffer(2*chunkSize)
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { carry(server, client, l.Sent, &l.AllSent) })
	carry(client, server, l.Received, &l.AllReceived)
}

// carry forwards one direction. After most bytes it resets both sides.
func carry(to, from *net.TCPConn, most int64, count *atomic.Int64) {
	buf := make([]byte, chunkSize)
	for passed := int64(0); ; {
		n, err := from.Read(buf)
		passed += int64(n)
		count.Add(int64(n))
		if most > 0 && passed >= most {
			_, _ = to.SetLinger(0), from.SetLinger(0)
			_, _ = to.Close(), from.Close()
			return
		}
		if _, failed := to.Write(buf[:n]); err == nil {
			err = failed
		}
		if err != nil {
			_ = to.CloseWrite()
			return
		}
	}
}
