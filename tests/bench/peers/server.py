"""What every server of a run is: its services, how it starts and ends.

The servers themselves: peer_servers.py, tlsd_server.py.
"""

import enum
import os
import shutil
import tempfile
from dataclasses import dataclass
from typing import NamedTuple

from peers import certificates, processes

# Which backend stands behind a service, and with which kind of key it speaks TLS.
SERVICES = {
    "echo": ("echo", "ecdsa"),
    "source": ("source", "ecdsa"),
    "request": ("request", "ecdsa"),
    "sink": ("sink", "ecdsa"),
    "rsa": ("echo", "rsa"),
}

# What all of them agree on with the load generator.
CIPHERS = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256"
CIPHERSUITES = "TLS_AES_128_GCM_SHA256"
GROUP = "X25519"
BACKLOG = 4096

# Where Debian has servers; PATH of a user may lack it.
PROGRAM_PATH = os.pathsep.join(["/usr/sbin", "/usr/bin", os.environ.get("PATH", "")])
START_ATTEMPTS = 5


class Role(enum.Enum):
    """What a server is in a run for."""

    SUBJECT = "tlsd itself"
    PEER = "what tlsd is measured against"
    TUNED_PEER = "a peer with buffers of 64 KiB"
    INTEREST = "shown, and never the best peer"
    LIMIT = "a proxy without TLS: what bytes cost at least"
    GRPC = "gRPC alone: what streams cost at least"
    ECHO = "tlsd without gRPC: what TLS alone costs"
    LIBRARY = "a library alone: what its cryptography allows"
    WORKERS = "tlsd with more workers"


class Service(NamedTuple):
    """What a client connects to, and whose processor time serves it."""

    port: object  # of 127.0.0.1; of gRPC alone: the address
    pids: list


class Programs(NamedTuple):
    """The project's own programs, where Bazel puts them."""

    tlsd: str = "server/main/tlsd"
    tlsctl: str = "client/cli/tlsctl"
    tls_load: str = "tests/bench/load/tls_load"
    tcp_backend: str = "tests/bench/load/tcp_backend"
    grpc_load: str = "tests/bench/grpc/grpc_load"
    raw_echo_server: str = "tests/bench/grpc/raw_echo_server"
    echo_handler: str = "tests/bench/grpc/echo_handler"
    crypto_limits: str = "tests/bench/peers/crypto_limits"


@dataclass(frozen=True)
class Site:
    """What all servers of a run share."""

    folder: str
    certificates: dict  # kind -> Certificate
    backends: dict  # name -> port: see //tests/bench/load:tcp_backend
    server_cores: list  # the first is every server's; the second is for a second worker
    load_core: int
    has_room: bool  # whether none of these is the load's
    connections_max: int
    programs: Programs


def make_site(folder, **facts):
    """A site in a folder, with certificates."""
    kinds = {kind: certificates.make(kind, folder) for kind in certificates.KEYS}
    return Site(folder, kinds, **facts)


class Server:
    """One server, which passes each of its services on to a backend."""

    name = ""
    role = Role.PEER
    program = ""
    package = ""
    process_count = 1  # with its workers
    unfit_for = frozenset()  # names of measurements that it cannot stand

    def __init__(self, site):
        self.site = site
        self._services = {}
        self._processes = []

    @classmethod
    def path(cls):
        """Where its program is, or None."""
        return shutil.which(cls.program, path=PROGRAM_PATH)

    def version(self):
        """What it says about itself."""
        raise NotImplementedError

    def launch(self, folder):
        """Starts its processes, and returns its services by name."""
        raise NotImplementedError

    def start(self):
        """Until it serves. A port that was free may be taken meanwhile: then with others."""
        for attempt in range(START_ATTEMPTS):
            try:
                self._services = self.launch(self._make_folder())
                return
            except processes.Failure:
                self.stop()
                if attempt == START_ATTEMPTS - 1:
                    raise

    def stop(self):
        """Ends its processes. May be called again."""
        for process in self._processes:
            process.end()
        self._processes = []
        self._services = {}

    def service(self, name):
        """A service, with the processes as they are at this time."""
        port, process = self._services[name]
        return Service(port, process.pids())

    def run_process(self, arguments, name, cores=None, **options):
        """A process that ends with the server."""
        process = processes.Process(
            arguments,
            cores or self.site.server_cores[:1],
            os.path.join(self._folder, name + ".log"),
            folder=self._folder,
            **options,
        )
        self._processes.append(process)
        return process

    def await_service(self, process, *ports):
        """Until it listens and has its workers: a socket may listen before they are there."""
        for port in ports:
            process.await_port(port)
        process.await_that(lambda: len(process.pids()) >= self.process_count, "have workers")

    def _make_folder(self):
        prefix = self.name.replace(" ", "-") + "-"
        self._folder = tempfile.mkdtemp(prefix=prefix, dir=self.site.folder)
        # Started as root, it may read its files as somebody else.
        os.chmod(self._folder, 0o755)
        return self._folder


class ConfiguredServer(Server):
    """A server of one configuration file, all services in one process."""

    def configuration(self, ports):
        """The text, for these ports of services."""
        raise NotImplementedError

    def arguments(self, path):
        """The command line, for the path of the configuration."""
        raise NotImplementedError

    def launch(self, folder):
        ports = dict(zip(SERVICES, processes.free_ports(len(SERVICES))))
        path = os.path.join(folder, "configuration")
        write(path, self.configuration(ports))
        process = self.run_process(self.arguments(path), "server")
        self.await_service(process, *ports.values())
        return {name: (port, process) for name, port in ports.items()}

    def each_service(self, ports, template):
        """A template filled in for each service."""
        texts = []
        for name, (backend, kind) in SERVICES.items():
            certificate = self.site.certificates[kind]
            texts.append(
                template.format(
                    name=name,
                    port=ports[name],
                    backend=self.site.backends[backend],
                    chain=certificate.chain,
                    key=certificate.key,
                    both=certificate.both,
                )
            )
        return "".join(texts)


def write(path, text):
    """Makes a file of a configuration."""
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
