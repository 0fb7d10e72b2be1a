"""Runs the suites against dhow-proxy (and the kamal-proxy that KAMAL_PROXY names), and prints a table.

Words choose suites by name. It fails if a suite finds something in dhow-proxy, or if it could not be run to its end.
"""

import os
import sys
import tempfile

import suites
from scene import Scene


def main():
    binaries = {"dhow-proxy": os.environ["DHOW_PROXY_BINARY"]}
    if kamal := os.environ.get("KAMAL_PROXY"):
        binaries["kamal-proxy"] = kamal
    words = sys.argv[1:]
    chosen = {name: suite for name, suite in suites.ALL.items() if not words or any(w in name for w in words)}
    passed = bool(chosen)
    with tempfile.TemporaryDirectory(prefix="conformance-") as directory, Scene(directory, binaries) as scene:
        for name, suite in chosen.items():
            for proxy in scene.proxies:
                result = outcome(suite, scene, proxy)
                print(f"{name:22} {proxy.name:12} {result.text}", flush=True)
                for detail in result.details:
                    print(f"{'':22} {'':12}   {detail}")
                passed &= result.passed or proxy.name != "dhow-proxy"
    sys.exit(0 if passed else 1)


def outcome(suite, scene, proxy):
    try:
        return suite(scene, proxy)
    except suites.NotRun as why:
        return suites.Result(f"not run: {why}", True)


main()
