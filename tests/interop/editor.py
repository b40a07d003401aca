"""The YAML language server of editors, driven over stdio with the committed schemas: it explains and
completes keys, has nothing against a template, and where JSON Schema can say that something is wrong it
says so on the line where `vouch agreement check` does."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
TEMPLATES = ROOT / "policies" / "templates"

# Where the two do not name the same lines, and why that is agreed. By the mistake's name in
# tests/policies/data/mistakes/seeded.json.
EXCEPTIONS = {
    "a date that is none": "a pattern cannot count the days of a month",
    "a contact of another agency": "compares two places of the file",
    "an attribute spelled wrong": "the names come from the program, not from the schema",
    "a receipt left out that every answer has": "the schema says what may be listed, not what must be",
    "a fact spelled wrong": "compares two files",
    "a code spelled wrong": "compares two files",
    "a parameter that is named otherwise": "compares two places of the file",
    "a table spelled wrong": "compares two places of the file",
    "the same question id twice": "compares two places of the file",
    "a bracket that is not closed": "check names the bracket that was opened, the server the next line",
    "an amount in dollars in place of cents": "45000.00 is a whole number in JSON",
    "a plain number where an amount of money belongs": "compares two files",
    "a number with a leading zero": "01 is 1 in YAML 1.2",
    "a date without quotes": "plain text and quoted text are one in YAML 1.2",
    "Windows line endings": "YAML takes any line ending",
    "a hidden character that turns the order of text around": "YAML allows it",
    "UNDETERMINED accepted": "compares what a value means with where it stands",
    "a row for one household missing": "compares two places of the file",
    "expires before it takes effect": "compares two places of the file",
    "a parameter whose range runs backwards": "compares two places of the file",
    "a keyed hash shared by two askers": "compares two places of the file",
    "a tab": "the server gives up the lines that follow, check reads on",
    "eleven slips in one file": "four of them are of the kinds above",
    "law and privacy in one file": "law and privacy are no matter of form",
    "broken form does not hide what else is wrong": "the server gives up after a tab",
}


def install():
    """The pinned server, in a folder of its own."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="vouch-editor-"))
    shutil.copytree(HERE / "editor", folder / "server",
                    ignore=shutil.ignore_patterns("node_modules"))
    done = subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=folder / "server", timeout=300,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0:
        raise AssertionError(f"npm ci failed:\n{done.stderr[-2000:]}")
    return folder


def mistakes():
    path = ROOT / "tests/policies/data/mistakes/seeded.json"
    return [one for one in json.loads(path.read_text(encoding="utf-8"))
            if one["kind"] in ("typo", "trap", "many")]


class Editor(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = install()
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.root = cls.folder / "tree"
        shutil.copytree(ROOT / "policies" / "schema", cls.root / "policies" / "schema")
        shutil.copytree(TEMPLATES, cls.root / "policies" / "templates")
        files = []
        cls.templates = []
        for path in sorted((cls.root / "policies" / "templates").glob("*/agreement.yaml")):
            name = str(path.relative_to(cls.root))
            cls.templates.append(name)
            files.append({"path": name, "text": path.read_text(encoding="utf-8")})
        cls.wrong = {}
        for number, mistake in enumerate(mistakes()):
            folder = cls.root / "policies" / "templates" / f"mistake-{number}"
            shutil.copytree(TEMPLATES / mistake["template"], folder)
            text = (folder / "agreement.yaml").read_text(encoding="utf-8")
            for edit in mistake["edits"]:
                text = text.replace(edit["replace"], edit["with"], 1)
            (folder / "agreement.yaml").write_bytes(text.encode())
            name = str((folder / "agreement.yaml").relative_to(cls.root))
            cls.wrong[mistake["mistake"]] = name
            files.append({"path": name, "text": text})
        cls.income = "policies/templates/income-for-student-aid/agreement.yaml"
        lines = (cls.root / cls.income).read_text(encoding="utf-8").splitlines()

        def at(text, more=0):
            line = next(i for i, one in enumerate(lines) if text in one)
            return {"path": cls.income, "line": line, "character": lines[line].index(text) + more}

        # A line of its own within the limits for one person, and one at the end of the file.
        typing = lines[:]
        line = next(i for i, one in enumerate(typing) if "different_values" in one)
        typing[line] = "      "
        cls.typed = "policies/templates/typing/agreement.yaml"
        files.append({"path": cls.typed, "text": "\n".join(typing) + "\n"})
        choosing = lines[:]
        chosen = next(i for i, one in enumerate(choosing) if "tell:" in one)
        choosing[chosen] = "    tell: "
        cls.choosing = "policies/templates/choosing/agreement.yaml"
        files.append({"path": cls.choosing, "text": "\n".join(choosing) + "\n"})
        job = {
            "root": str(cls.root), "files": files,
            "hover": [at("records_loaded_within", 2), at("different_values", 2), at("changeover", 2)],
            "completion": [{"path": cls.typed, "line": line, "character": 4},
                           {"path": cls.choosing, "line": chosen, "character": 10}],
        }
        for path in (cls.typed, cls.choosing):
            (cls.root / path).parent.mkdir()
        done = subprocess.run(["node", "language_server.mjs"], cwd=cls.folder / "server", timeout=120,
                              input=json.dumps(job), capture_output=True, text=True)
        if done.returncode != 0:
            raise AssertionError(done.stderr[-2000:])
        cls.said = json.loads(done.stdout)

    def test_a_template_has_nothing_wrong(self):
        for name in self.templates:
            self.assertEqual(self.said["diagnostics"][name], [], name)
        self.assertGreaterEqual(len(self.templates), 6)

    def test_hovering_over_a_key_says_what_it_means(self):
        within, values, changeover = self.said["hover"]
        self.assertIn("older data answer UNDETERMINED", within)
        self.assertIn("what can be learned about a person is bounded by it", values)
        self.assertIn("replaced revision is still accepted", changeover)

    def test_keys_and_words_are_completed(self):
        keys, words = self.said["completion"]
        self.assertIn("different_values", keys)
        self.assertNotIn("times_asked", keys)  # it stands there already
        for word in ("nothing", "safe", "all"):
            self.assertTrue(any(word in one for one in words), words)

    def lines_of_the_server(self, name):
        said = self.said["diagnostics"][name]
        # A misspelt key is also missing; check reads it as the one that was meant.
        misspelt = any("is not allowed" in one["message"] for one in said)
        return {one["line"] + 1 for one in said
                if not (misspelt and one["message"].startswith("Missing property"))}

    def lines_of_check(self, name):
        program = os.path.join(os.environ["VOUCH_PROGRAMS"], "vouch")
        done = subprocess.run([program, "agreement", "check", "--json", self.root / name], timeout=60,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)
        self.assertIn(done.returncode, (0, 1, 3), done.stderr)
        return {one["line"] for one in json.loads(done.stdout) if one["severity"] == "error"}

    def test_errors_are_on_the_same_lines(self):
        agreed = []
        for mistake, name in self.wrong.items():
            ours, theirs = self.lines_of_check(name), self.lines_of_the_server(name)
            self.assertTrue(ours, f"check finds nothing: {mistake}")
            if ours == theirs:
                self.assertNotIn(mistake, EXCEPTIONS, "no exception any more")
                agreed.append(mistake)
            else:
                self.assertIn(mistake, EXCEPTIONS, f"check: lines {ours}, editor: lines {theirs}")
        self.assertGreaterEqual(len(agreed), 9, agreed)

    def test_the_editor_never_accuses_what_check_accepts(self):
        for mistake, name in self.wrong.items():
            if "tab" in mistake or "bracket" in mistake or "broken form" in mistake:
                continue
            self.assertLessEqual(self.lines_of_the_server(name), self.lines_of_check(name), mistake)


if __name__ == "__main__":
    if not os.environ.get("VOUCH_PROGRAMS"):
        sys.exit("VOUCH_PROGRAMS names the folder with the program vouch")
    unittest.main()
