"""A running node's ledger over HTTP, read by golang.org/x/mod/sumdb as any client would.

Usage: site.py GO      a Go toolchain with Debian's golang-golang-x-mod-dev
"""

import base64
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "harness"))

from world import World, run  # noqa: E402


def main():
    go = sys.argv[1]
    world = World(people=60, settings={"ledger_http": "127.0.0.1:0"})
    try:
        # More than a tile of 256: its level above is read too.
        people = world.filers()
        for turn in range(300):
            world.ask(world.agreement.tokens(people[turn % len(people)]))
            if turn % 30 == 29:
                world.client.close()
                world.client = world.aid.client(world.tax)
        folder = pathlib.Path(tempfile.mkdtemp(dir=world.federation.folder))
        environment = dict(os.environ, GO111MODULE="off", GOPATH="/usr/share/gocode", GOFLAGS="",
                           CGO_ENABLED="0",
                           GOCACHE=os.environ.get("GOCACHE") or str(folder / "go-cache"))
        site = folder / "site"
        subprocess.run([go, "build", "-o", site, HERE / "ledger/site.go"], env=environment,
                       check=True, timeout=300)
        exported = json.loads(run("vouch", "ledger", "export", "--node", world.tax.folder, "--json",
                                  "--output", folder / "log").stdout)
        address = "http://127.0.0.1:" + (world.tax.folder / "run/ledger_http").read_text().strip()
        done = subprocess.run([site, address, exported["key"]], capture_output=True, text=True,
                              timeout=200, check=False)
        print(done.stdout, done.stderr, end="")
        assert done.returncode == 0 and int(done.stdout.split()[0]) > 300, done
        # Under another key of the same name nothing opens.
        name, _, key = exported["key"].split("+", 2)
        other = base64.b64decode(key)[:1] + os.urandom(32)
        identity = hashlib.sha256(name.encode() + b"\n" + other).hexdigest()[:8]
        bent = subprocess.run(
            [site, address, f"{name}+{identity}+{base64.b64encode(other).decode()}"],
            capture_output=True, text=True, timeout=60, check=False)
        assert bent.returncode == 1 and "checkpoint" in bent.stderr, bent
    finally:
        world.close()


if __name__ == "__main__":
    main()
