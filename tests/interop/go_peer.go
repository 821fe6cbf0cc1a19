// A TLS peer of Go's crypto/tls. It obeys and answers the lines that JavaPeer.java describes, but
// for the files of its own key: instead of a keystore it takes
//
//	chain  a PEM file with the own certificate and the intermediates
//	key    a PEM file with the own key
//
// usage: go build -o PATH go_peer.go
//
// It needs Go 1.19, and nothing but its standard library.
package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
)

type task struct {
	id      string
	options map[string]string
}

func main() {
	var tasks sync.WaitGroup
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		t := parse(lines.Text())
		tasks.Add(1)
		go func() {
			defer tasks.Done()
			t.run()
		}()
	}
	tasks.Wait()
}

func parse(line string) *task {
	words := strings.Split(line, " ")
	t := &task{id: words[0], options: map[string]string{}}
	for _, word := range words[1:] {
		parts := strings.SplitN(word, "=", 2)
		t.options[parts[0]] = parts[1]
	}
	return t
}

func (t *task) option(name, otherwise string) string {
	if value, ok := t.options[name]; ok {
		return value
	}
	return otherwise
}

func (t *task) number(name string, otherwise int) int {
	number, err := strconv.Atoi(t.option(name, strconv.Itoa(otherwise)))
	if err != nil {
		panic(err)
	}
	return number
}

func (t *task) isServer() bool { return t.options["role"] == "server" }

// A line is one write, so that the lines of tasks do not mix.
func (t *task) tell(format string, arguments ...interface{}) {
	fact := strings.ReplaceAll(fmt.Sprintf(format, arguments...), "\n", " ")
	os.Stdout.WriteString("[" + t.id + "] " + fact + "\n")
}

func (t *task) run() {
	if err := t.work(); err != nil {
		t.tell("failed %v", err)
	}
	t.tell("done")
}

func (t *task) work() error {
	config, err := t.config()
	if err != nil {
		return err
	}
	if t.isServer() {
		return t.serve(config)
	}
	for i := 0; i < t.number("connections", 1); i++ {
		conn, err := net.Dial("tcp", "127.0.0.1:"+t.options["port"])
		if err != nil {
			return err
		}
		if err := t.speak(config, conn); err != nil {
			return err
		}
	}
	return nil
}

func (t *task) serve(config *tls.Config) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer listener.Close()
	t.tell("port %d", listener.Addr().(*net.TCPAddr).Port)
	for i := 0; i < t.number("connections", 1); i++ {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		if err := t.speak(config, conn); err != nil {
			t.tell("failed %v", err)
		}
	}
	return nil
}

func (t *task) speak(config *tls.Config, conn net.Conn) error {
	defer conn.Close()
	watched := &watchedConn{Conn: conn}
	var secured *tls.Conn
	if t.isServer() {
		secured = tls.Server(watched, config)
	} else {
		secured = tls.Client(watched, config)
	}
	if err := secured.Handshake(); err != nil {
		return err
	}
	t.tell("handshake %s", facts(secured.ConnectionState()))
	if t.isServer() {
		if err := t.giveBack(secured); err != nil {
			return err
		}
	} else if path, ok := t.options["file"]; ok {
		if err := t.sendAndCompare(secured, path); err != nil {
			return err
		}
	}
	return t.end(secured, watched)
}

func facts(state tls.ConnectionState) string {
	protocol := fmt.Sprintf("%#x", state.Version)
	for name, version := range versions {
		if version == state.Version {
			protocol = name
		}
	}
	peer := ""
	if len(state.PeerCertificates) > 0 {
		peer = state.PeerCertificates[0].Subject.String()
	}
	return fmt.Sprintf("protocol=%s cipher=%s alpn=%s name=%s peer=%s resumed=%t", protocol,
		tls.CipherSuiteName(state.CipherSuite), state.NegotiatedProtocol, state.ServerName, peer,
		state.DidResume)
}

func (t *task) giveBack(conn *tls.Conn) error {
	buffer := make([]byte, 16384)
	count := 0
	_, isLimited := t.options["bytes"]
	for !isLimited || count < t.number("bytes", 0) {
		size, err := conn.Read(buffer)
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if _, err := conn.Write(buffer[:size]); err != nil {
			return err
		}
		count += size
	}
	t.tell("echoed %d", count)
	return nil
}

func (t *task) sendAndCompare(conn *tls.Conn, path string) error {
	sent, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	written := make(chan error, 1)
	go func() {
		_, err := conn.Write(sent)
		written <- err
	}()
	received := make([]byte, len(sent))
	if _, err := io.ReadFull(conn, received); err != nil {
		return err
	}
	if err := <-written; err != nil {
		return err
	}
	if !bytes.Equal(sent, received) {
		return errors.New("what came back is not what was sent")
	}
	t.tell("echoed %d", len(received))
	return nil
}

func (t *task) end(conn *tls.Conn, watched *watchedConn) error {
	otherwise := "close"
	if t.isServer() {
		otherwise = "wait"
	}
	switch t.option("end", otherwise) {
	case "cut":
		watched.Close()
		t.tell("cut")
		return nil
	case "close":
		if err := conn.CloseWrite(); err != nil {
			return err
		}
		return t.awaitEnd(conn, watched)
	default:
		if err := t.awaitEnd(conn, watched); err != nil {
			return err
		}
		return conn.CloseWrite()
	}
}

func (t *task) awaitEnd(conn *tls.Conn, watched *watchedConn) error {
	size, err := conn.Read(make([]byte, 1))
	if size > 0 {
		return errors.New("more came than was sent")
	}
	if err != io.EOF {
		return err
	}
	if watched.hasEnded {
		return errors.New("the end came without close_notify")
	}
	t.tell("ended clean")
	return nil
}

// watchedConn remembers whether the transport has ended: crypto/tls takes its end between two
// records for a clean one.
type watchedConn struct {
	net.Conn
	hasEnded bool
}

func (c *watchedConn) Read(buffer []byte) (int, error) {
	size, err := c.Conn.Read(buffer)
	if err == io.EOF {
		c.hasEnded = true
	}
	return size, err
}

var versions = map[string]uint16{"TLSv1.2": tls.VersionTLS12, "TLSv1.3": tls.VersionTLS13}

func (t *task) config() (*tls.Config, error) {
	version := versions[t.options["version"]]
	config := &tls.Config{MinVersion: version, MaxVersion: version}
	if protocols, ok := t.options["alpn"]; ok {
		config.NextProtos = strings.Split(protocols, ",")
	}
	pool := x509.NewCertPool()
	if path, ok := t.options["trust"]; ok {
		pem, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		pool.AppendCertsFromPEM(pem)
	}
	if _, ok := t.options["chain"]; ok {
		own, err := tls.LoadX509KeyPair(t.options["chain"], t.options["key"])
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{own}
		if t.options["insist"] == "true" {
			config.GetClientCertificate =
				func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &own, nil }
		}
	}
	if t.isServer() {
		config.ClientCAs = pool
		config.ClientAuth = map[string]tls.ClientAuthType{
			"none":    tls.NoClientCert,
			"request": tls.VerifyClientCertIfGiven,
			"require": tls.RequireAndVerifyClientCert,
		}[t.option("mode", "none")]
	} else {
		config.RootCAs = pool
		config.ServerName = t.option("name", "localhost")
		config.ClientSessionCache = tls.NewLRUClientSessionCache(0)
	}
	return config, nil
}
