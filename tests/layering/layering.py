"""Holds every #include against the table in ARCHITECTURE.md.

Usage: layering.py ROOT            exit 1 with a line for each include the table does not allow
       layering.py --self-test ROOT   checks that a forbidden include would be seen
"""

import pathlib
import re
import sys

TOP = ("proto", "crypto", "policies", "server", "client")
# First path component (or whole header) of a library include -> its name in the table.
LIBRARIES = {
    "openssl": "openssl",
    "unicode": "unicode",
    "absl": "absl",
    "yaml-cpp": "yaml-cpp",
    "nlohmann": "nlohmann",
    "sqlite3.h": "sqlite3",
    "spdlog": "spdlog",
    "prometheus": "prometheus",
    "grpc": "grpc",
    "grpcpp": "grpc",
    "CLI": "CLI",
    "google": "grpc",
    "libpq-fe.h": "libpq",
    "httplib.h": "httplib",
}
INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', re.MULTILINE)


def read_table(root):
    text = (root / "ARCHITECTURE.md").read_text(encoding="utf-8")
    body = text.split("<!-- layering:begin -->")[1].split("<!-- layering:end -->")[0]
    table = {}
    for line in body.strip().splitlines()[2:]:
        room, may, libraries = [cell.strip() for cell in line.strip().strip("|").split("|")]
        table[room] = (set(may.split()), set(libraries.split()))
    return table


def room_of(path, rooms):
    """The longest room that is a prefix of the path."""
    best = None
    for room in rooms:
        if path.startswith(room + "/") and (best is None or len(room) > len(best)):
            best = room
    return best


def judge(path, text, table):
    """Lines saying what is wrong with one file's includes."""
    room = room_of(path, table)
    if room is None:
        return [f"{path}: its folder has no row in ARCHITECTURE.md"]
    may, libraries = table[room]
    wrong = []
    for kind, target in INCLUDE.findall(text):
        library = LIBRARIES.get(target.split("/")[0])
        if target.startswith("google/rpc/"):
            library = None
        if library is not None:
            if library not in libraries:
                wrong.append(f"{path}: {room} may not use {library} ({target})")
        elif kind == '"':
            # Generated messages are included by their package path.
            if target.startswith(("vouch/v1/", "google/rpc/")):
                other = "proto"
            else:
                other = room_of(target, table)
            if other is None:
                wrong.append(f'{path}: "{target}" is in no room')
            elif other != room and other not in may:
                wrong.append(f'{path}: {room} may not include {other} ("{target}")')
    return wrong


def sources(root):
    for top in TOP:
        for path in sorted((root / top).rglob("*")):
            if path.suffix in (".h", ".cc"):
                yield path.relative_to(root).as_posix(), path.read_text(encoding="utf-8")


def self_test(table):
    cases = [
        ("crypto/x.cc", '#include "policies/engine/agreement.h"\n'),
        ("crypto/x.cc", "#include <grpcpp/grpcpp.h>\n"),
        ("policies/engine/x.cc", '#include "crypto/digest.h"\n'),
        ("policies/engine/x.cc", "#include <openssl/evp.h>\n"),
        ("server/journal/x.cc", '#include "server/records/records.h"\n'),
        ("server/journal/x.cc", "#include <sqlite3.h>\n"),
        ("client/vouch/x.cc", '#include "server/verification_service.h"\n'),
        ("nowhere/x.cc", ""),
    ]
    for path, text in cases:
        if not judge(path, text, table):
            print(f"not seen: {path}: {text.strip()}")
            return 1
    allowed = judge("server/journal/x.cc", '#include "crypto/digest.h"\n#include "absl/status/status.h"\n', table)
    if allowed:
        print("wrongly refused:", allowed)
        return 1
    return 0


def main(arguments):
    root = pathlib.Path(arguments[-1])
    table = read_table(root)
    if arguments[1] == "--self-test":
        return self_test(table)
    wrong = [line for path, text in sources(root) for line in judge(path, text, table)]
    print("\n".join(wrong) or "every include is in the table")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
