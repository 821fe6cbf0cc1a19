"""tlsd as its users run it: a listener for each service that forwards to the backend.

And what streams are measured beside: TLS without gRPC, and gRPC without tlsd.
"""

import json
import os
import subprocess

from peers import processes, server
from peers.server import CIPHERS, GROUP, Role


class Tlsd(server.Server):
    """tlsd with one worker; all its threads, gRPC's too, are on the server's core."""

    name = "tlsd"
    role = Role.SUBJECT
    workers = 1

    def launch(self, folder):
        self._control = "unix:" + os.path.join(folder, "control")
        ready = os.path.join(folder, "ready.json")
        daemon = self.run_process(
            [self.site.programs.tlsd, f"--control={self._control}", f"--workers={self.workers}"]
            + [f"--ready_file={ready}", "--exit_on_stdin_eof"],
            "tlsd",
            cores=self.site.server_cores[: self.workers],
            stdin=subprocess.PIPE,
        )
        daemon.await_that(lambda: os.path.exists(ready), "serve calls")

        for kind, certificate in self.site.certificates.items():
            credentials = ["--cert", certificate.chain, "--key", certificate.key]
            agreement = ["--min-version=1.2", "--ciphers", CIPHERS, "--groups", GROUP]
            self._tlsctl("context", "create", kind, *credentials, *agreement)
        return {
            name: (self._listen(name, *arguments), daemon)
            for name, arguments in self.listeners().items()
        }

    def listeners(self):
        """What it listens for: of each service, the arguments."""
        with_tls = {
            name: ["--context", kind, *self._forward(backend)]
            for name, (backend, kind) in server.SERVICES.items()
        }
        return {**with_tls, "plain": ["--plain", *self._forward("echo")]}

    def _forward(self, backend):
        return ["--forward", f"127.0.0.1:{self.site.backends[backend]}", "--forward-plain"]

    def _listen(self, name, *arguments):
        """The port of a listener."""
        limit = ["--max-connections", str(self.site.connections_max)]
        self._tlsctl("listen", "127.0.0.1:0", "--id", name, *arguments, *limit)
        return json.loads(self._tlsctl("listeners", name, "-o", "json"))["boundAddress"]["port"]

    def service(self, name):
        if name == "stream" and name not in self._services:
            self._services[name] = self._start_handler()
        return super().service(name)

    def _start_handler(self):
        """A program beside the load that gives back what comes over the streams of a listener."""
        handler = self.run_process(
            [self.site.programs.echo_handler, f"--control={self._control}"]
            + ["--context=secureContexts/ecdsa"],
            "handler",
            cores=[self.site.load_core],
            stdin=subprocess.PIPE,
        )
        handler.await_that(lambda: "}" in handler.log(), "say its port")
        _, daemon = self._services["echo"]
        return json.loads(handler.log())["port"], daemon

    def version(self):
        info = json.loads(self._tlsctl("status", "-o", "json"))
        return f"{info['version']} (BoringSSL {info['boringsslRevision']})"

    def _tlsctl(self, *arguments):
        command = [self.site.programs.tlsctl, f"--address={self._control}", *arguments]
        return processes.run(command, "tlsctl")


class TlsdEcho(Tlsd):
    """tlsd that gives back itself what comes: what streams cost without gRPC."""

    name = "tlsd echo"
    role = Role.ECHO

    def listeners(self):
        return {"stream": ["--context", "ecdsa", "--echo"]}


class GrpcEcho(server.Server):
    """A server of gRPC that gives back messages: what streams cost without tlsd."""

    name = "gRPC echo"
    role = Role.GRPC

    def launch(self, folder):
        target = "unix:" + os.path.join(folder, "echo")
        process = self.run_process(
            [self.site.programs.raw_echo_server, f"--listen={target}"],
            "server",
            stdin=subprocess.PIPE,
        )
        process.await_that(lambda: "}" in process.log(), "say its address")
        return {"stream": (target, process)}

    def version(self):
        return "as tlsd's"


class TlsdTwoWorkers(Tlsd):
    """tlsd with two workers; on two cores, the second is the load's too."""

    name = "tlsd 2 workers"
    role = Role.WORKERS
    workers = 2
