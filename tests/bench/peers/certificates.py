"""The certificates of all servers of a run: self-signed, made by openssl when the run begins."""

import os
from typing import NamedTuple

from peers import processes

KEYS = {
    "ecdsa": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"],
    "rsa": ["-newkey", "rsa:2048"],
}


class Certificate(NamedTuple):
    """Files in PEM: the certificate, its key, and both in one file."""

    chain: str
    key: str
    both: str


def make(kind, folder):
    """A certificate for localhost, whose key is of a kind of KEYS."""
    ends = ".pem", "-key.pem", "-both.pem"
    paths = Certificate(*(os.path.join(folder, kind + end) for end in ends))
    processes.run(
        ["openssl", "req", "-x509", *KEYS[kind], "-nodes", "-days", "2", "-subj", "/CN=localhost"]
        + ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
        + ["-keyout", paths.key, "-out", paths.chain],
        "openssl makes no certificate",
    )
    with open(paths.both, "w", encoding="ascii") as both:
        for part in (paths.key, paths.chain):
            with open(part, encoding="ascii") as text:
                both.write(text.read())
    # Servers that are started as root may read it as somebody else.
    for path in paths:
        os.chmod(path, 0o644)
    return paths
