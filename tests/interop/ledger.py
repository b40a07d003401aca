"""The ledger's public formats, checked by tools that are not of this project: golang.org/x/mod's
sumdb/note and sumdb/tlog over a log of 70,003 entries grown in uneven steps with restarts and over
one that ended with its year and the next, and jose for receipts as JWS.

Usage: ledger.py PROGRAM GO      PROGRAM is ledger_program, GO a Go toolchain with Debian's
                                 golang-golang-x-mod-dev
       ledger.py PROGRAM --jose  the JWS alone, with Node and npm
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ENTRIES = 70003


def run(*command, **more):
    done = subprocess.run([str(part) for part in command], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=400, **more)
    if done.returncode != 0:
        raise SystemExit(f"{command[0]} failed:\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
    return done.stdout


def check_with_go(program, go, folder):
    run(program, "write", folder, ENTRIES)
    environment = dict(os.environ, GO111MODULE="off", GOPATH="/usr/share/gocode", GOFLAGS="",
                       CGO_ENABLED="0",
                       GOCACHE=os.environ.get("GOCACHE") or str(folder / "go-cache"))
    check = folder / "check"
    run(go, "build", "-o", check, HERE / "ledger" / "check.go", env=environment)
    print(run(check, folder), end="")
    (folder / "years").mkdir()
    run(program, "write-years", folder / "years", "entry")
    print(run(check, folder / "years", "years"), end="")
    run(program, "open-note", (folder / "go-key").read_text(encoding="utf-8"), folder / "go-note")

    # And red where it must be: one byte of one tile, one entry, one note.
    for name in ("log/tile/0/100", "log/tile/1/001.p/17", "log/tile/entries/007", "inclusion",
                 "consistency", "ranges", f"checkpoints/{ENTRIES}"):
        path = folder / name
        good = path.read_bytes()
        path.write_bytes(good[:40] + bytes([good[40] ^ 1]) + good[41:])
        bent = subprocess.run([check, folder], capture_output=True, timeout=400, check=False)
        path.write_bytes(good)
        if bent.returncode == 0:
            raise SystemExit(f"a change to {name} was not seen")
    # A year of another history does not fit, whole and signed by the same key.
    (folder / "others").mkdir()
    shutil.copy(folder / "years" / "key.pem", folder / "others")
    run(program, "write-years", folder / "others", "another")
    run(check, folder / "others", "years")
    for name in ("2027", "2028"):
        mixed = folder / f"mixed-{name}"
        shutil.copytree(folder / "years", mixed)
        shutil.rmtree(mixed / name)
        shutil.copytree(folder / "others" / name, mixed / name)
        bent = subprocess.run([check, mixed, "years"], capture_output=True, text=True,
                              timeout=400, check=False)
        if "does not go on from" not in bent.stderr:
            raise SystemExit(f"another history's {name} was taken: {bent.stderr}")


def check_with_jose(program, folder):
    client = folder / "node"
    shutil.copytree(HERE / "node", client, ignore=shutil.ignore_patterns("node_modules"))
    run("npm", "ci", "--no-audit", "--no-fund", cwd=client)
    run(program, "write", folder, 300)
    payload = run("node", "jws.mjs", folder, cwd=client)
    assert payload == '{"iss":"irs.treasury.example","sub":"x"}\n', payload
    back = run(program, "open-jws", folder / "jws-key.der", folder / "jose-jws")
    assert back == '{"iss":"jose"}\n', back


def main():
    program, tool = sys.argv[1:3]
    folder = pathlib.Path(tempfile.mkdtemp(prefix="vouch-ledger-"))
    try:
        if tool == "--jose":
            check_with_jose(program, folder)
        else:
            check_with_go(program, tool, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
