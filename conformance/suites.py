"""The suites: each is run against one proxy, and says in a line how it went."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request
import xml.etree.ElementTree as xml
from dataclasses import dataclass, field

import websocket


@dataclass
class Result:
    text: str
    passed: bool
    details: list = field(default_factory=list)


class NotRun(Exception):
    """Why a suite was not run."""


def h2spec_tls(scene, proxy):
    return h2spec(scene, "localhost", proxy.https, "-t", "-k")


def h2spec_plain(scene, proxy):
    if proxy.name != "dhow-proxy":
        raise NotRun("it has no HTTP/2 without TLS")
    return h2spec(scene, "127.0.0.1", proxy.http, accepted=[PREFACE])


# A port that speaks HTTP/1 too takes what is no preface for a request that it cannot read, says 400, and hangs up.
PREFACE = "http2/3.5 Sends invalid connection preface"


def h2spec(scene, host, port, *flags, accepted=()):
    report = scene.directory / f"h2spec-{port}.xml"
    command = [given("H2SPEC"), "-h", host, "-p", str(port), "--timeout", "5", "-j", report, *flags]
    said = run(command, 500).stdout
    counts = re.search(r"(\d+) tests, (\d+) passed, (\d+) skipped, (\d+) failed", said)
    if not counts:
        return Result("it did not finish", False, said.splitlines()[-5:])
    total, passed, _, _ = map(int, counts.groups())
    cases = xml.parse(report).getroot().iter("testcase")
    failing = [case for case in cases if case.find("failure") is not None or case.find("error") is not None]
    wrong = [f"{case.get('package')} {case.get('classname')}" for case in failing]
    return Result(f"{passed} of {total}", total > 0 and set(wrong) <= set(accepted), wrong)


def h1spec(scene, proxy):
    environment = {**os.environ, "DENO_DIR": str(scene.directory / "deno"), "NO_COLOR": "1"}
    deno = beside_python("deno")
    command = [deno, "run", "--no-check", "--allow-net", given("H1SPEC"), "127.0.0.1", str(proxy.http)]
    said = run(command, 120, environment)
    counts = re.search(r"(\d+) out of (\d+) tests passed", said.stdout)
    if not counts:
        return Result("it did not finish", False, (said.stdout + said.stderr).splitlines()[-5:])
    passed, total = map(int, counts.groups())
    wrong = [line for line in (said.stdout + said.stderr).splitlines() if line.startswith("❌")]
    return Result(f"{passed} of {total}", passed == total, wrong)


def testssl(scene, proxy):
    report = scene.directory / f"testssl-{proxy.https}.json"
    command = [installed("testssl"), "--quiet", "--color", "0", "--warnings", "off", "--ip", "127.0.0.1"]
    command += ["--add-ca", scene.authority, "--jsonfile", report, f"localhost:{proxy.https}"]
    run(command, 900, {**os.environ, "TERM": "dumb"})
    findings = json.loads(report.read_text())
    worse = [f for f in findings if f["severity"] in ("MEDIUM", "HIGH", "CRITICAL", "WARN", "FATAL")]
    low = sum(finding["severity"] == "LOW" for finding in findings)
    details = [f"{f['severity']} {f['id']}: {f['finding']}" for f in findings if f["severity"] == "LOW" or f in worse]
    return Result(f"{len(findings)} checks, {len(worse)} findings above low, {low} low", not worse, details)


def sslyze(scene, proxy):
    command = [beside_python("sslyze"), "--mozilla_config=intermediate", f"localhost:{proxy.https}"]
    said = run(command, 300).stdout
    if "COMPLIANCE AGAINST TLS CONFIGURATION" not in said:
        return Result("it did not finish", False, said.splitlines()[-5:])
    found = re.findall(r"^ +\* (.*)$", said.split("COMPLIANCE AGAINST")[1], re.MULTILINE)
    # Nobody trusts the authority of the test.
    wrong = [line for line in found if not line.startswith("certificate_path_validation")]
    wrong += [line.strip() for line in said.splitlines() if "VULNERABLE -" in line]
    return Result("as Mozilla's intermediate" if not wrong else f"{len(wrong)} findings", not wrong, wrong)


SLOW = {
    "heads": ["-H", "-i", "5"],
    "bodies": ["-B", "-i", "5", "-s", "8192"],
    "ranges": ["-R", "-a", "10", "-b", "3000"],
    "readers": ["-X", "-w", "10", "-y", "20", "-n", "5", "-z", "32"],
}

# MiB that a proxy may have with 1000 slow clients: 128 KiB for each, and what it has anyway.
MEMORY = 150


def slow(kind):
    """1000 clients that are slow at one thing, for 15 s; every second a usual one asks too."""

    def suite(scene, proxy):
        proxy = scene.proxy(proxy.name, scene.binaries[proxy.name])
        before = proxy.peak_memory()
        path = "large" if kind == "readers" else ""
        clients = ["-c", "1000", "-r", "500", "-l", "15", "-u", f"http://127.0.0.1:{proxy.http}/{path}"]
        with open(scene.directory / f"slow-{proxy.http}.log", "w") as output:
            attack = subprocess.Popen([installed("slowhttptest"), *SLOW[kind], *clients], stdout=output, stderr=output)
        try:
            served = [ask(proxy.http) for _ in range(12)]
        finally:
            attack.kill()
            attack.wait()
        after = proxy.peak_memory()
        text = f"{sum(served)} of {len(served)} served, {before:.0f} to {after:.0f} MiB"
        return Result(text, all(served) and after < MEMORY)

    return suite


def ask(port):
    """Whether a usual client is served, within 20 s."""
    time.sleep(1)
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=20) as answer:
            answer.read()
    except OSError:
        return False
    return True


def websockets(scene, proxy):
    wrong, count = websocket.differences(scene.websocket, proxy.http)
    return Result(f"{count - len(wrong)} of {count} as without a proxy", not wrong, wrong)


def given(variable):
    path = os.environ.get(variable)
    if not path:
        raise NotRun(f"{variable} does not say where it is")
    return path


def installed(program):
    return shutil.which(program) or missing(program)


def beside_python(program):
    return shutil.which(program, path=os.path.dirname(sys.executable)) or missing(program)


def missing(program):
    raise NotRun(f"{program} is not installed")


def run(command, seconds, environment=None):
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=seconds, env=environment)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 1, "", f"not over after {seconds} s")


ALL = {
    "h2spec, TLS": h2spec_tls,
    "h2spec, plain": h2spec_plain,
    "h1spec": h1spec,
    "WebSockets": websockets,
    "sslyze": sslyze,
    "testssl.sh": testssl,
    **{f"slowhttptest, {kind}": slow(kind) for kind in SLOW},
}
