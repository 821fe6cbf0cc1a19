"""What the cryptography of BoringSSL and OpenSSL allows, measured in rounds as servers are."""

import json
import shutil

from peers import processes, server
from peers.server import Role


class Library:
    """A library, which stands in a round as a server does but serves nobody."""

    role = Role.LIBRARY
    package = ""
    unfit_for = frozenset()

    def __init__(self, site):
        self.site = site

    def start(self):
        """Nothing needs to run."""

    def stop(self):
        """Nothing runs."""

    def pinned(self, *arguments):
        """What a command prints that runs on the server's core."""
        core = str(self.site.server_cores[0])
        return processes.run(["taskset", "--cpu-list", core, *arguments], arguments[0])


class BoringSsl(Library):
    """The BoringSSL that tlsd is built with."""

    name = "BoringSSL"

    @classmethod
    def path(cls):
        return "beside this program"

    def version(self):
        return "as tlsd's"

    def rates(self):
        """Rates by the names of their figures."""
        return json.loads(self.pinned(self.site.programs.crypto_limits))


class OpenSsl(Library):
    """The OpenSSL that Debian's servers use."""

    name = "OpenSSL"
    package = "openssl"

    @classmethod
    def path(cls):
        return shutil.which("openssl", path=server.PROGRAM_PATH)

    def version(self):
        return processes.run(["openssl", "version"], "openssl").split()[1]

    def rates(self):
        """Rates by the names of their figures. Its speed makes no keys of X25519."""
        speed = [self.path(), "speed", "-seconds", "1", "-mr"]
        return {
            **parse_speed(self.pinned(*speed, "rsa2048", "ecdsap256", "ecdhx25519")),
            **parse_speed(self.pinned(*speed, "-bytes", "16384", "-evp", "aes-128-gcm")),
        }


# Tag of a line of openssl speed -mr and the bits in it -> the figure; the rate comes next.
SPEED_LINES = {
    ("F2", "2048"): "rsa-2048-sign",
    ("F4", "256"): "p256-sign",
    ("F5", "253"): "x25519-shared",
}


def parse_speed(text):
    """The rates in what `openssl speed -mr` prints."""
    rates = {}
    for line in text.splitlines():
        tag, *fields = line.lstrip("+").split(":")
        if tag == "F":
            rates["aes-128-gcm"] = float(fields[-1]) / 1e6
        elif len(fields) > 2 and (tag, fields[1]) in SPEED_LINES:
            rates[SPEED_LINES[tag, fields[1]]] = float(fields[2])
    return rates


ALL = [BoringSsl, OpenSsl]
