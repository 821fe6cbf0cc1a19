// A TLS peer of the JDK. Each line of standard input is a task, "ID NAME=VALUE ...", which gets a
// thread of its own. Each line of standard output is about a task, and begins with "[ID] ":
//
//   port NUMBER       a server listens on this port of loopback
//   handshake NAME=VALUE ...
//                     a handshake is complete: protocol, cipher, alpn, name, peer, resumed
//   echoed NUMBER     so many bytes went there and back
//   ended clean       the other side has sent close_notify
//   cut               the connection was left without close_notify
//   failed EXCEPTION  the connection has failed, or the task
//   done              nothing more will come
//
// What a task says:
//
//   role         client or server
//   version      TLSv1.2 or TLSv1.3, and no other
//   port         a client's: of the server, on loopback
//   keystore     a PKCS#12 file with the own key and chain, if there is one
//   passphrase   of the PKCS#12 file
//   trust        a PEM file with what is trusted
//   mode         a server's: none, request or require a certificate; default: none
//   insist       true: show the own certificate, whomever the server says it trusts
//   alpn         protocols, with commas
//   name         a client's: the server's name, for SNI and to check it; default: localhost
//   connections  how many, one after the other; a client's share sessions; default: 1
//   file         a client's: what to send, to be given back by the server
//   bytes        a server's: how many bytes to give back; default: all until the end
//   end          what to do then. close: send close_notify, then wait for the other's; wait: the
//                other way round; cut: send none; default: close for a client, wait for a server
//
// usage: java -Dcom.sun.net.ssl.requireCloseNotify=true JavaPeer.java
// (The JDK takes an end without close_notify for a clean one if it is not told otherwise.)

import java.io.BufferedReader;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.Principal;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import javax.net.ssl.ExtendedSSLSession;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SNIHostName;
import javax.net.ssl.SNIServerName;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLPeerUnverifiedException;
import javax.net.ssl.SSLSession;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509ExtendedKeyManager;

final class JavaPeer implements Runnable {
  private final String id;
  private final Map<String, String> options = new HashMap<>();
  private final boolean isServer;

  public static void main(String[] arguments) throws IOException {
    BufferedReader lines =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line; (line = lines.readLine()) != null; ) {
      new Thread(new JavaPeer(line)).start();
    }
  }

  private JavaPeer(String line) {
    String[] words = line.split(" ");
    id = words[0];
    for (String word : Arrays.copyOfRange(words, 1, words.length)) {
      String[] parts = word.split("=", 2);
      options.put(parts[0], parts[1]);
    }
    isServer = option("role").equals("server");
  }

  private String option(String name) {
    return options.getOrDefault(name, "");
  }

  private int number(String name, int otherwise) {
    return options.containsKey(name) ? Integer.parseInt(option(name)) : otherwise;
  }

  private void tell(String fact) {
    synchronized (System.out) {
      System.out.println("[" + id + "] " + fact);
      System.out.flush();
    }
  }

  private void tellFailure(Exception exception) {
    tell("failed " + exception.toString().replace('\n', ' '));
  }

  @Override
  public void run() {
    try {
      SSLContext context = newContext();
      if (isServer) {
        serve(context);
      } else {
        for (int i = 0; i < number("connections", 1); ++i) {
          try (Socket socket =
              new Socket(InetAddress.getLoopbackAddress(), number("port", 0))) {
            speak(context, socket);
          }
        }
      }
    } catch (IOException | GeneralSecurityException | InterruptedException exception) {
      tellFailure(exception);
    }
    tell("done");
  }

  private void serve(SSLContext context) throws IOException {
    try (ServerSocket listener = new ServerSocket(0, 8, InetAddress.getLoopbackAddress())) {
      tell("port " + listener.getLocalPort());
      for (int i = 0; i < number("connections", 1); ++i) {
        try (Socket socket = listener.accept()) {
          speak(context, socket);
        } catch (IOException | InterruptedException exception) {
          tellFailure(exception);
        }
      }
    }
  }

  private void speak(SSLContext context, Socket socket) throws IOException, InterruptedException {
    long begin = nextMillisecond();
    SSLSocket tls = isServer ? serverSide(context, socket) : clientSide(context, socket);
    tls.startHandshake();
    tell("handshake " + facts(tls, begin));
    boolean hasEnded = false;
    if (isServer) {
      hasEnded = giveBack(tls);
    } else if (options.containsKey("file")) {
      sendAndCompare(tls, Files.readAllBytes(Path.of(option("file"))));
    }
    if (!hasEnded) {
      end(tls, socket);
    }
    tls.close();
  }

  private SSLSocket clientSide(SSLContext context, Socket socket) throws IOException {
    String name = options.getOrDefault("name", "localhost");
    SSLSocket tls =
        (SSLSocket) context.getSocketFactory().createSocket(socket, name, socket.getPort(), true);
    SSLParameters parameters = parameters(tls);
    // The JDK sends no name without a dot of its own accord.
    parameters.setServerNames(List.of(new SNIHostName(name)));
    parameters.setEndpointIdentificationAlgorithm("HTTPS");
    tls.setSSLParameters(parameters);
    return tls;
  }

  private SSLSocket serverSide(SSLContext context, Socket socket) throws IOException {
    SSLSocket tls =
        (SSLSocket) context.getSocketFactory().createSocket(socket, (InputStream) null, true);
    SSLParameters parameters = parameters(tls);
    switch (options.getOrDefault("mode", "none")) {
      case "request":
        parameters.setWantClientAuth(true);
        break;
      case "require":
        parameters.setNeedClientAuth(true);
        break;
      default:
        break;
    }
    tls.setSSLParameters(parameters);
    return tls;
  }

  private SSLParameters parameters(SSLSocket tls) {
    SSLParameters parameters = tls.getSSLParameters();
    parameters.setProtocols(new String[] {option("version")});
    if (options.containsKey("alpn")) {
      parameters.setApplicationProtocols(option("alpn").split(","));
    }
    return parameters;
  }

  private String facts(SSLSocket tls, long begin) {
    SSLSession session = tls.getSession();
    String peer = "";
    try {
      peer = session.getPeerPrincipal().getName();
    } catch (SSLPeerUnverifiedException exception) {
      // It has shown no certificate.
    }
    String name = "";
    for (SNIServerName asked : ((ExtendedSSLSession) session).getRequestedServerNames()) {
      name = ((SNIHostName) asked).getAsciiName();
    }
    // The JDK does not say whether it has resumed. What it resumes keeps its time.
    boolean resumed = session.getCreationTime() < begin;
    return String.format(
        "protocol=%s cipher=%s alpn=%s name=%s peer=%s resumed=%b",
        session.getProtocol(),
        session.getCipherSuite(),
        tls.getApplicationProtocol(),
        name,
        peer,
        resumed);
  }

  // nextMillisecond returns a time that no session was made at yet.
  private static long nextMillisecond() {
    long now = System.currentTimeMillis();
    while (System.currentTimeMillis() == now) {
      Thread.onSpinWait();
    }
    return System.currentTimeMillis();
  }

  // giveBack returns whether the end has come.
  private boolean giveBack(SSLSocket tls) throws IOException {
    byte[] buffer = new byte[16384];
    int count = 0;
    int bytes = number("bytes", Integer.MAX_VALUE);
    int size = 0;
    while (count < bytes && (size = tls.getInputStream().read(buffer)) >= 0) {
      tls.getOutputStream().write(buffer, 0, size);
      count += size;
    }
    tell("echoed " + count);
    if (size < 0) {
      tell("ended clean");
    }
    return size < 0;
  }

  private void sendAndCompare(SSLSocket tls, byte[] bytes)
      throws IOException, InterruptedException {
    Thread sender =
        new Thread(
            () -> {
              try {
                tls.getOutputStream().write(bytes);
              } catch (IOException exception) {
                tellFailure(exception);
              }
            });
    sender.start();
    byte[] received = tls.getInputStream().readNBytes(bytes.length);
    sender.join();
    if (!Arrays.equals(bytes, received)) {
      throw new IOException("what came back is not what was sent");
    }
    tell("echoed " + received.length);
  }

  private void end(SSLSocket tls, Socket socket) throws IOException {
    switch (options.getOrDefault("end", isServer ? "wait" : "close")) {
      case "cut":
        socket.close();
        tell("cut");
        break;
      case "close":
        tls.shutdownOutput();
        awaitEnd(tls);
        break;
      default:
        awaitEnd(tls);
        break;
    }
  }

  private void awaitEnd(SSLSocket tls) throws IOException {
    if (tls.getInputStream().read() >= 0) {
      throw new IOException("more came than was sent");
    }
    tell("ended clean");
  }

  private SSLContext newContext() throws IOException, GeneralSecurityException {
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(keyManagers(), trustManagers(), null);
    return context;
  }

  private KeyManager[] keyManagers() throws IOException, GeneralSecurityException {
    if (!options.containsKey("keystore")) {
      return new KeyManager[0];
    }
    char[] passphrase = option("passphrase").toCharArray();
    KeyStore store = KeyStore.getInstance("PKCS12");
    try (InputStream file = new FileInputStream(option("keystore"))) {
      store.load(file, passphrase);
    }
    KeyManagerFactory factory =
        KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    factory.init(store, passphrase);
    if (!option("insist").equals("true")) {
      return factory.getKeyManagers();
    }
    X509ExtendedKeyManager own = (X509ExtendedKeyManager) factory.getKeyManagers()[0];
    return new KeyManager[] {new InsistentKeyManager(own)};
  }

  private TrustManager[] trustManagers() throws IOException, GeneralSecurityException {
    KeyStore store = KeyStore.getInstance("PKCS12");
    store.load(null, null);
    if (options.containsKey("trust")) {
      try (InputStream file = new FileInputStream(option("trust"))) {
        for (Certificate anchor :
            CertificateFactory.getInstance("X.509").generateCertificates(file)) {
          store.setCertificateEntry("anchor " + store.size(), anchor);
        }
      }
    }
    if (store.size() == 0) {
      return new TrustManager[0];
    }
    TrustManagerFactory factory =
        TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    factory.init(store);
    return factory.getTrustManagers();
  }

  // InsistentKeyManager shows its certificate even to a server that names other issuers.
  private static final class InsistentKeyManager extends X509ExtendedKeyManager {
    private final X509ExtendedKeyManager own;

    InsistentKeyManager(X509ExtendedKeyManager own) {
      this.own = own;
    }

    @Override
    public String chooseClientAlias(String[] keyTypes, Principal[] issuers, Socket socket) {
      return own.chooseClientAlias(keyTypes, null, socket);
    }

    @Override
    public String chooseServerAlias(String keyType, Principal[] issuers, Socket socket) {
      return own.chooseServerAlias(keyType, issuers, socket);
    }

    @Override
    public String[] getClientAliases(String keyType, Principal[] issuers) {
      return own.getClientAliases(keyType, null);
    }

    @Override
    public String[] getServerAliases(String keyType, Principal[] issuers) {
      return own.getServerAliases(keyType, issuers);
    }

    @Override
    public X509Certificate[] getCertificateChain(String alias) {
      return own.getCertificateChain(alias);
    }

    @Override
    public PrivateKey getPrivateKey(String alias) {
      return own.getPrivateKey(alias);
    }
  }
}
