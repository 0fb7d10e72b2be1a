"""What the suites are run against: proxies on free ports of this machine, and one app behind them."""

import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent

# Flags that make a usual server certificate. A place for revocations is named, as an authority would.
LEAF = """subjectAltName=DNS:localhost
crlDistributionPoints=URI:http://localhost/ca.crl
keyUsage=digitalSignature
extendedKeyUsage=serverAuth
basicConstraints=CA:FALSE
authorityKeyIdentifier=keyid
subjectKeyIdentifier=hash
"""


@dataclass
class Proxy:
    """A proxy that runs. Any host is served over HTTP, `localhost` over HTTPS, `ws.test` is the WebSocket."""

    name: str
    http: int
    https: int
    process: subprocess.Popen

    def peak_memory(self):
        """The most memory it ever had, in MiB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) / 1024


class Scene:
    """Everything that was started; ends it all at the end."""

    def __init__(self, directory, binaries):
        self.directory = Path(directory)
        self.processes = []
        self.authority = self.directory / "ca.pem"
        self.origin, self.websocket = free_port(), free_port()
        self.binaries = binaries
        self.proxies = []

    def __enter__(self):
        self.make_certificates()
        self.start([sys.executable, HERE / "origin.py", str(self.origin), str(self.websocket)], "origin")
        await_port(self.origin)
        await_port(self.websocket)
        self.proxies = [self.proxy(name, binary) for name, binary in self.binaries.items()]
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.kill()
            process.wait()

    def proxy(self, name, binary):
        """A proxy of its own, freshly started, with the app deployed."""
        http, https = free_port(), free_port()
        home = self.directory / f"{name}-{http}"
        home.mkdir()
        environment = {**os.environ, "HOME": str(home), "KAMAL_PROXY_SOCKET": str(home / "socket")}
        run = [binary, "run", "--http-port", str(http), "--https-port", str(https)]
        process = self.start(run, home.name, environment)
        await_port(https)
        await_true(lambda: (home / "socket").exists(), f"{name}'s control socket")
        certificate = ["--tls-certificate-path", self.directory / "cert.pem"]
        key = ["--tls-private-key-path", self.directory / "key.pem"]
        for deploy in [
            ["any", "--target", f"127.0.0.1:{self.origin}"],
            ["secure", "--target", f"127.0.0.1:{self.origin}", "--host", "localhost", "--tls", *certificate, *key],
            ["ws", "--target", f"127.0.0.1:{self.websocket}", "--host", "ws.test"],
        ]:
            subprocess.run([binary, "deploy", *deploy], env=environment, check=True)
        return Proxy(name, http, https, process)

    def start(self, command, log, environment=None):
        with open(self.directory / f"{log}.log", "w") as output:
            process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
        self.processes.append(process)
        return process

    def make_certificates(self):
        (self.directory / "leaf.conf").write_text(LEAF)
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        for arguments in [
            ["req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "90", "-subj", "/CN=Suites"],
            ["req", *key, "-keyout", "key.pem", "-out", "leaf.csr", "-subj", "/CN=localhost"],
            ["x509", "-req", "-in", "leaf.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-out", "cert.pem"]
            + ["-days", "89", "-extfile", "leaf.conf"],
        ]:
            command = ["openssl", *arguments]
            subprocess.run(command, cwd=self.directory, check=True, stderr=subprocess.DEVNULL)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def await_port(port):
    def is_open():
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    await_true(is_open, f"port {port}")


def await_true(holds, what):
    deadline = time.monotonic() + 30
    while not holds():
        if time.monotonic() > deadline:
            raise SystemExit(f"conformance: {what} did not come up within 30 s")
        time.sleep(0.02)
