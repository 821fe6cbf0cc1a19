"""The peers as their users run them: one worker, default buffers unless the name says otherwise.

All agree on X25519 and AES-128-GCM, give session tickets, and write no access log.
"""

import os
import re

from peers import processes, server
from peers.server import BACKLOG, CIPHERS, CIPHERSUITES, GROUP, Role

HERE = os.path.dirname(os.path.abspath(__file__))
NGINX_MODULE = "/usr/lib/nginx/modules/ngx_stream_module.so"


def find_version(arguments, pattern):
    """The version in what a command says, on either of its outputs."""
    said = processes.run(["sh", "-c", '"$@" 2>&1', "sh", *arguments], arguments[0])
    found = re.search(pattern, said)
    return found.group(1) if found else "unknown"


class Haproxy(server.ConfiguredServer):
    """HAProxy in mode tcp."""

    name = "haproxy"
    program = "haproxy"
    package = "haproxy"
    tuning = ""
    tls = "ssl crt {both} curves " + GROUP

    def version(self):
        return find_version([self.path(), "-v"], r"version (\S+)")

    def arguments(self, path):
        return [self.path(), "-db", "-q", "-f", path]

    def configuration(self, ports):
        return f"""\
global
  nbthread 1
  maxconn {self.site.connections_max}
  {self.tuning}
  ssl-default-bind-options ssl-min-ver TLSv1.2 prefer-client-ciphers
  ssl-default-bind-ciphers {CIPHERS}
  ssl-default-bind-ciphersuites {CIPHERSUITES}

defaults
  mode tcp
  timeout connect 10s
  timeout client 10m
  timeout server 10m
""" + self.each_service(
            ports,
            f"""
listen {{name}}
  bind 127.0.0.1:{{port}} backlog {BACKLOG} {self.tls}
  server backend 127.0.0.1:{{backend}}
""",
        )


class Haproxy64k(Haproxy):
    """HAProxy with larger buffers."""

    name = "haproxy 64k"
    role = Role.TUNED_PEER
    tuning = "tune.bufsize 65536"


class HaproxyCleartext(Haproxy):
    """HAProxy without TLS."""

    name = "haproxy cleartext"
    role = Role.LIMIT
    tls = ""


class Nginx(server.ConfiguredServer):
    """nginx with its module stream."""

    name = "nginx"
    program = "nginx"
    package = "libnginx-mod-stream"
    process_count = 2
    tuning = ""
    tls = "ssl"

    @classmethod
    def path(cls):
        return super().path() if os.path.exists(NGINX_MODULE) else None

    def version(self):
        return find_version([self.path(), "-v"], r"nginx/(\S+)")

    def arguments(self, path):
        return [self.path(), "-e", "stderr", "-p", os.path.dirname(path), "-c", path]

    def configuration(self, ports):
        return f"""\
load_module {NGINX_MODULE};
daemon off;
worker_processes 1;
error_log stderr error;
pid nginx.pid;
events {{
  worker_connections {2 * self.site.connections_max};
}}
stream {{
  access_log off;
  {self.tuning}
  proxy_timeout 10m;
  ssl_protocols TLSv1.2 TLSv1.3;
  ssl_ciphers {CIPHERS};
  ssl_conf_command Ciphersuites {CIPHERSUITES};
  ssl_ecdh_curve {GROUP};
{self.each_service(ports, self._service())}}}
"""

    def _service(self):
        own = "ssl_certificate {chain};\n    ssl_certificate_key {key};" if self.tls else ""
        return f"""\
  server {{{{
    listen 127.0.0.1:{{port}} {self.tls} backlog={BACKLOG};
    {own}
    proxy_pass 127.0.0.1:{{backend}};
  }}}}
"""


class Nginx64k(Nginx):
    """nginx with larger buffers."""

    name = "nginx 64k"
    role = Role.TUNED_PEER
    tuning = "proxy_buffer_size 64k;"


class NginxCleartext(Nginx):
    """nginx without TLS."""

    name = "nginx cleartext"
    role = Role.LIMIT
    tls = ""


class Stunnel(server.ConfiguredServer):
    """stunnel, which has a thread for each connection."""

    name = "stunnel"
    program = "stunnel4"
    package = "stunnel4"

    def version(self):
        return find_version([self.path(), "-version"], r"stunnel (\S+)")

    def arguments(self, path):
        return [self.path(), path]

    def configuration(self, ports):
        return f"""\
foreground = yes
debug = crit
pid =
socket = l:TCP_NODELAY=1
socket = r:TCP_NODELAY=1
sslVersionMin = TLSv1.2
ciphers = {CIPHERS}
ciphersuites = {CIPHERSUITES}
curves = {GROUP}
""" + self.each_service(
            ports,
            """
[{name}]
accept = 127.0.0.1:{port}
connect = 127.0.0.1:{backend}
cert = {chain}
key = {key}
""",
        )


class Hitch(server.Server):
    """hitch, which has one backend: so it is a process for each service."""

    name = "hitch"
    program = "hitch"
    package = "hitch"
    process_count = 2

    def version(self):
        return find_version([self.path(), "--version"], r"hitch (\S+)")

    def launch(self, folder):
        services = {}
        for (name, (backend, kind)), port in zip(
            server.SERVICES.items(), processes.free_ports(len(server.SERVICES))
        ):
            path = os.path.join(folder, name)
            server.write(path, self._configuration(port, backend, kind))
            process = self.run_process([self.path(), f"--config={path}"], name + "-server")
            self.await_service(process, port)
            services[name] = (port, process)
        return services

    def _configuration(self, port, backend, kind):
        return f"""\
frontend = "[127.0.0.1]:{port}"
backend = "[127.0.0.1]:{self.site.backends[backend]}"
pem-file = "{self.site.certificates[kind].both}"
workers = 1
backlog = {BACKLOG}
tls-protos = TLSv1.2 TLSv1.3
ciphers = "{CIPHERS}"
ciphersuites = "{CIPHERSUITES}"
ecdh-curve = "{GROUP}"
ocsp-dir = ""
log-level = 1
{'user = "nobody"' if os.geteuid() == 0 else ""}
"""


class Node(server.Server):
    """A proxy of Node's tls module, for the reader's interest."""

    name = "Node"
    role = Role.INTEREST
    program = "node"
    package = "nodejs"
    # It gives no ticket to a connection of TLS 1.3 that has resumed, so a load runs out of them.
    unfit_for = frozenset(["resumed-1.3", "calls-resumed", "calls-resumed-32"])

    def version(self):
        return find_version([self.path(), "--version"], r"v(\S+)")

    def launch(self, folder):
        ports = processes.free_ports(len(server.SERVICES))
        arguments = [os.path.join(HERE, "node_proxy.js"), f"{CIPHERSUITES}:{CIPHERS}", GROUP]
        for port, (backend, kind) in zip(ports, server.SERVICES.values()):
            certificate = self.site.certificates[kind]
            arguments += [str(port), str(self.site.backends[backend])]
            arguments += [certificate.chain, certificate.key]
        process = self.run_process([self.path(), *arguments], "server")
        self.await_service(process, *ports)
        return {name: (port, process) for name, port in zip(server.SERVICES, ports)}


ALL = [Haproxy, Nginx, Stunnel, Hitch, Haproxy64k, Nginx64k, Node, HaproxyCleartext, NginxCleartext]
