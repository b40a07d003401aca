"""Follows policies/README.md as somebody new would: every command of the guide is run, in order, and
says what the guide shows.

Of the guide's `console` blocks, lines such as `aid$ vouch agreement check ...` are commands, run in
that agency's folder; what follows is their output. A line `...` stands for any lines, a `…` within a
line for any text. A command that ends in `&` runs on; the guide is then followed once it listens. A
block behind `<!-- file: aid/answers.yaml -->` is that file's contents. The guide's day is in
`<!-- today: 2026-12-01 -->`: programs see that day.
"""

import datetime
import os
import pathlib
import re
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))

from world import PROGRAMS, Federation, clock_environment, main, wait_until  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
GUIDE = ROOT / "policies/README.md"
BLOCK = re.compile(r"(?:^<!-- file: (?P<file>\S+) -->\n)?^```(?P<kind>\w*)\n(?P<body>.*?)^```$",
                   re.M | re.S)
PROMPT = re.compile(r"^([a-z]+)\$ (.*)$")


def steps(text):
    """("file", path, contents) and ("run", who, command, output lines, line number), in order."""
    for block in BLOCK.finditer(text):
        first = text[:block.start("body")].count("\n") + 1
        if block["file"]:
            yield "file", block["file"], block["body"]
        elif block["kind"] == "console":
            step = None
            for number, line in enumerate(block["body"].splitlines(), first):
                prompt = PROMPT.match(line)
                if step is not None and step[2].endswith("\\"):
                    step[2] = step[2][:-1] + line.strip()
                elif prompt:
                    if step is not None:
                        yield tuple(step)
                    step = ["run", prompt[1], prompt[2], [], number]
                elif step is not None:
                    step[3].append(line)
            if step is not None:
                yield tuple(step)


def pattern(lines):
    """A regular expression for what a command prints, from what the guide shows."""
    parts = []
    for line in lines:
        if line.strip() == "...":
            parts.append(r"(?:.*\n)*?")
        else:
            parts.append("[^\n]*".join(re.escape(part.rstrip()) for part in line.split("…"))
                         + "[ ]*\n")
    return "".join(parts)


class Guide(unittest.TestCase):
    def setUp(self):
        self.federation = Federation()
        self.addCleanup(self.federation.__exit__, None)
        self.text = GUIDE.read_text(encoding="utf-8")
        today = re.search(r"<!-- today: ([0-9-]+) -->", self.text)[1]
        offset = (datetime.datetime.fromisoformat(today + "T15:00:30+00:00")
                  - datetime.datetime.now(datetime.timezone.utc))
        clock = self.federation.folder / "clock"
        clock.write_text(str(int(offset.total_seconds())))
        self.environment = {
            **os.environ, **clock_environment(clock), "LC_ALL": "C.UTF-8", "TZ": "UTC",
            "PATH": f"{PROGRAMS}:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(self.federation.folder), "COLUMNS": "100"}

    def test_the_guide_leads_to_an_agreement_in_force(self):
        ran = 0
        for step in steps(self.text):
            if step[0] == "file":
                path = self.federation.folder / step[1]
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(step[2], encoding="utf-8")
            else:
                self.run_step(*step[1:])
                ran += 1
        self.assertGreater(ran, 15)

    def run_step(self, who, command, output, line):
        folder = self.federation.folder / who
        folder.mkdir(exist_ok=True)
        where = f"policies/README.md:{line}: {who}$ {command}"
        if command.endswith("&"):
            return self.start(folder, command[:-1].strip(), where)
        done = subprocess.run(["bash", "-c", command], cwd=folder, env=self.environment,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=120)
        said = done.stdout.decode(errors="replace")
        said = "".join(one.rstrip() + "\n" for one in said.splitlines())
        if not re.fullmatch(pattern(output) + r"\n*", said):
            shown = "\n".join(output)
            self.fail(f"{where}\nexit {done.returncode}\n--- the guide shows\n{shown}\n"
                      f"--- it says\n{said}")

    def start(self, folder, command, where):
        """A node that runs on; `vouchd --node DIR`."""
        node = folder / re.search(r"--node (\S+)", command)[1]
        listen = node / "run/listen"
        listen.unlink(missing_ok=True)
        log = open(self.federation.folder / f"{folder.name}.log", "ab")
        process = subprocess.Popen(command.split(), cwd=folder, env=self.environment,
                                   stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.addCleanup(log.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        wait_until(where, lambda: process.poll() is None and listen.exists())


if __name__ == "__main__":
    main()
