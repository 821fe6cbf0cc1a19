// A TLS peer of Go's crypto/tls that encrypts ClientHellos, or reads encrypted ones
// (draft-ietf-tls-esni-18).
//
// usage: ech_peer client PORT NAME LIST ROOTS
//
//	ech_peer server CHAIN KEY CONFIG PRIVATE_KEY
//
// LIST is an ECHConfigList, CONFIG an ECHConfig and PRIVATE_KEY its key, all in base64. ROOTS, CHAIN
// and KEY are PEM files. A client's first key share is for X25519.
//
// A server says "port N.", takes one connection and echoes. Both say "handshake accepted=BOOL
// name=NAME.", or "rejected retry=LIST.", or "failed ERROR.".
//
// It needs Go 1.24, and nothing but its standard library.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
)

func main() {
	var err error
	if os.Args[1] == "client" {
		err = connect(os.Args[2:])
	} else {
		err = serve(os.Args[2:])
	}
	var rejection *tls.ECHRejectionError
	if errors.As(err, &rejection) {
		fmt.Printf("rejected retry=%s.\n", base64.StdEncoding.EncodeToString(rejection.RetryConfigList))
	} else if err != nil {
		fmt.Printf("failed %v.\n", err)
	}
}

func decode(text string) []byte {
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		panic(err)
	}
	return data
}

func connect(arguments []string) error {
	roots, err := os.ReadFile(arguments[3])
	if err != nil {
		return err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(roots)
	conn, err := tls.Dial("tcp", "127.0.0.1:"+arguments[0], &tls.Config{
		ServerName:                     arguments[1],
		RootCAs:                        pool,
		CurvePreferences:               []tls.CurveID{tls.X25519, tls.CurveP384},
		MinVersion:                     tls.VersionTLS13,
		EncryptedClientHelloConfigList: decode(arguments[2]),
	})
	if err != nil {
		return err
	}
	defer conn.Close()
	tell(conn)
	return conn.CloseWrite()
}

func serve(arguments []string) error {
	own, err := tls.LoadX509KeyPair(arguments[0], arguments[1])
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer listener.Close()
	fmt.Printf("port %d.\n", listener.Addr().(*net.TCPAddr).Port)
	raw, err := listener.Accept()
	if err != nil {
		return err
	}
	conn := tls.Server(raw, &tls.Config{
		Certificates: []tls.Certificate{own},
		MinVersion:   tls.VersionTLS13,
		EncryptedClientHelloKeys: []tls.EncryptedClientHelloKey{
			{Config: decode(arguments[2]), PrivateKey: decode(arguments[3]), SendAsRetry: true},
		},
	})
	defer conn.Close()
	if err := conn.Handshake(); err != nil {
		return err
	}
	tell(conn)
	_, err = io.Copy(conn, conn)
	return err
}

func tell(conn *tls.Conn) {
	state := conn.ConnectionState()
	fmt.Printf("handshake accepted=%t name=%s.\n", state.ECHAccepted, state.ServerName)
}
