"""What the tools print about an agreement whose every text is an attack."""

import json
import sys
import unicodedata
import unittest

import hostile
from served import Folder, Served, vouch

HIDDEN = [*range(0x80, 0xA0), 0xAD, 0x61C, 0x180E, 0x200B, 0x200E, 0x200F, *range(0x2028, 0x202F),
          *range(0x2060, 0x2070), 0xFEFF, *range(0xFFF9, 0xFFFC)]


class HostileAgreement(unittest.TestCase):
    def setUp(self):
        self.folder = Folder(template=None)
        self.addCleanup(self.folder.close)
        self.file = hostile.write(self.folder.path)

    def clean(self, done, *, codes=(0,)):
        """Neither controls nor characters nobody sees, whatever was printed."""
        self.assertIn(done.returncode, codes, (done.stderr + done.stdout)[:2000])
        for stream in (done.stdout, done.stderr):
            for c in stream.decode("utf-8"):
                bad = (unicodedata.category(c) == "Cc" and c != "\n") or ord(c) in HIDDEN
                self.assertFalse(bad, f"U+{ord(c):04X} was printed")
        return done.stdout.decode("utf-8")

    def hide(self):
        self.file.write_text(hostile.hidden_text(self.file.read_text(encoding="utf-8")), encoding="utf-8")

    def test_no_field_of_the_language_is_forgotten(self):
        facts = hostile.facts()
        for name, instance in (("agreement", hostile.agreement(hostile.text(facts))), ("facts", facts)):
            missing, harmless = hostile.forgotten(name, instance)
            self.assertEqual(missing, [], "the hostile agreement lacks these keys of the schema")
            self.assertEqual(harmless, [], "these texts of the hostile agreement attack nothing")

    def test_a_forgotten_field_is_noticed(self):
        whole = hostile.agreement("")
        del whole["waivers"][0]["reason"]
        whole["purposes"][0]["text"] = "harmless"
        missing, harmless = hostile.forgotten("agreement", whole)
        self.assertEqual(missing, ["agreement.waivers[].reason", "agreement.waivers[].reason"])
        self.assertEqual(harmless, ["agreement.purposes[].text"])

    def test_it_is_valid_so_that_all_of_it_is_shown(self):
        self.clean(vouch("agreement", "explain", self.file))

    def test_check_prints_no_controls(self):
        self.clean(vouch("agreement", "check", self.file), codes=(0, 1))
        self.clean(vouch("agreement", "check", self.file, "--json"), codes=(0, 1))
        self.hide()
        out = self.clean(vouch("agreement", "check", self.file), codes=(3,))
        self.assertIn("\\u{202E}", out)

    def test_explain_prints_no_controls(self):
        self.clean(vouch("agreement", "explain", self.file))
        json.loads(self.clean(vouch("agreement", "explain", self.file, "--json")))
        self.hide()
        self.clean(vouch("agreement", "explain", self.file), codes=(3,))

    def test_diff_prints_no_controls(self):
        other = self.folder.path / "other.yaml"
        other.write_text(hostile.reworded(self.file.read_text(encoding="utf-8")), encoding="utf-8")
        out = self.clean(vouch("agreement", "diff", self.file, other))
        self.assertIn("NARROWS", out)
        json.loads(self.clean(vouch("agreement", "diff", self.file, other, "--json")))
        other.write_text(hostile.hidden_text(other.read_text(encoding="utf-8")), encoding="utf-8")
        self.clean(vouch("agreement", "diff", self.file, other), codes=(3,))

    def test_the_redline_escapes_all_of_it(self):
        other = self.folder.path / "other.yaml"
        other.write_text(hostile.reworded(self.file.read_text(encoding="utf-8")), encoding="utf-8")
        page = self.folder.path / "redline.html"
        self.clean(vouch("agreement", "diff", self.file, other, "--html", page))
        text = page.read_text(encoding="utf-8")
        for tag in ("<script", "<img", "<svg", "<base", "<a href=javascript", "</pre><!--"):
            self.assertNotIn(tag, text)
        self.assertIn("&lt;script&gt;", text)

    def test_fmt_prints_no_controls(self):
        self.clean(vouch("agreement", "fmt", "--diff", self.file), codes=(0, 1))
        self.hide()
        self.clean(vouch("agreement", "fmt", "--diff", self.file), codes=(0, 1, 3))

    def test_status_prints_no_controls(self):
        node = self.folder.path / "node"
        self.clean(vouch("init", node, "--agency", "tax.example"))
        hostile.write(node / "agreements" / "hostile")
        out = self.clean(vouch("agreement", "status", "--node", node, "--offline"), codes=(0, 1))
        self.assertIn("hostile-2027", out)
        file = node / "agreements" / "hostile" / "agreement.yaml"
        file.write_text(hostile.hidden_text(file.read_text(encoding="utf-8")), encoding="utf-8")
        self.clean(vouch("agreement", "status", "--node", node, "--offline"), codes=(0, 1))

    def test_the_form_page_escapes_all_of_it(self):
        for hide in (False, True):
            if hide:
                self.hide()
            served = Served(self.file)
            try:
                page = served.get()[2]
            finally:
                served.close()
            for tag in ("<script", "<img", "<svg", "<base", "</pre><!--", "\u202e", "\x1b", "\x07", "\x9b"):
                self.assertNotIn(tag, page)
            self.assertEqual(page.count("<textarea"), 1)
            self.assertEqual(page.count("</textarea"), 1)
            self.assertIn("&lt;script", page)


if __name__ == "__main__":
    unittest.main(argv=sys.argv, verbosity=2)
