"""The form page over HTTP: who may use it, and what becomes of the file."""

import os
import signal
import sys
import unittest

from served import Folder, Served


class FormPage(unittest.TestCase):
    def setUp(self):
        self.folder = Folder()
        self.addCleanup(self.folder.close)
        self.file = self.folder.agreement
        self.before = self.file.read_text(encoding="utf-8")
        self.served = Served(self.file)
        self.addCleanup(self.served.close)

    def unchanged(self):
        self.assertEqual(self.file.read_text(encoding="utf-8"), self.before)

    def submit(self, action, text, **more):
        return self.served.post({**self.served.form(), "action": action, "text": text, **more})

    def test_shows_draft_findings_and_explanation(self):
        status, headers, page = self.served.get()
        self.assertEqual(status, 200)
        for words in ("studentaid-tax-2027-001", "0 errors",
                      "$74,250.00 is YES; $74,250.01 is NO", "<textarea", "line-1"):
            self.assertIn(words, page)
        self.assertNotIn("<script", page)

    def test_replies_forbid_scripts_frames_caching_and_sniffing(self):
        headers = self.served.get()[1]
        policy = headers["Content-Security-Policy"]
        for part in ("default-src 'none'", "style-src 'sha256-", "form-action 'self'", "frame-ancestors 'none'",
                     "base-uri 'none'"):
            self.assertIn(part, policy)
        self.assertNotIn("unsafe", policy)
        self.assertEqual(headers["Cache-Control"], "no-store")
        self.assertEqual(headers["X-Content-Type-Options"], "nosniff")
        self.assertEqual(headers["Referrer-Policy"], "same-origin")

    def test_only_loopback_listens(self):
        with open(f"/proc/{self.served.process.pid}/net/tcp", encoding="ascii") as sockets:
            listening = [line.split()[1] for line in sockets if line.split()[3] == "0A"]
        port = f"{self.served.port:04X}"
        self.assertEqual([one for one in listening if one.endswith(":" + port)], [f"0100007F:{port}"])

    def test_a_name_bound_anew_to_loopback_is_refused(self):
        for host in (["evil.example"], [f"evil.example:{self.served.port}"], ["127.0.0.1"], ["127.0.0.1:1"], [],
                     [self.served.host, "evil.example"], [self.served.host + "."], [f"0.0.0.0:{self.served.port}"]):
            status, _, page = self.served.get(host=host)
            # A request without a Host may be refused as malformed before it reaches the page.
            self.assertIn(status, (400, 403), host)
            self.assertNotIn("studentaid", page)
        for host in (f"localhost:{self.served.port}", f"[::1]:{self.served.port}"):
            self.assertEqual(self.served.get(host=[host])[0], 200)

    def test_another_site_gets_and_changes_nothing(self):
        for site in ("cross-site", "same-site"):
            self.assertEqual(self.served.get(headers={"Sec-Fetch-Site": site})[0], 403)
        self.assertEqual(self.served.get(headers={"Sec-Fetch-Site": "none"})[0], 200)
        good = {**self.served.form(), "action": "save", "text": "x"}
        for headers in ({"Origin": "http://evil.example"}, {"Origin": "null"}, {"Origin": None},
                        {"Origin": f"http://localhost:{self.served.port}"},
                        {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"},
                        {"Sec-Fetch-Site": "none"}):
            self.assertEqual(self.served.post(good, headers)[0], 403, headers)
        self.unchanged()

    def test_without_secret_or_token_there_is_nothing(self):
        for path in ("/", "/favicon.ico", "/" + "0" * 32 + "/", self.served.path + "../", "//" + self.served.path):
            self.assertEqual(self.served.get(path)[0], 404, path)
        self.assertEqual(self.served.get(self.served.path + "../../etc/passwd")[0], 404)
        form = self.served.form()
        for token in ("", "0" * 32, form["token"][:-1]):
            status, _, page = self.served.post({**form, "token": token, "action": "save", "text": "x"})
            self.assertEqual(status, 403)
            self.assertIn("too old or not ours", page)
        self.unchanged()

    def test_other_methods_are_refused(self):
        for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"):
            self.assertIn(self.served.request(method)[0], (404, 405), method)

    def test_more_than_a_megabyte_is_refused(self):
        status = self.submit("check", "#" * (1 << 20))[0]
        self.assertEqual(status, 413)
        self.assertEqual(self.served.get()[0], 200)

    def test_checking_finds_what_check_finds_and_saves_nothing(self):
        status, _, page = self.submit("check", self.before.replace("on_yes:", "on_yess:"))
        self.assertEqual(status, 200)
        self.assertIn("there is no key `on_yess`", page)
        self.assertIn("did you mean `on_yes`?", page)
        self.assertIn("Checked, not saved.", page)
        self.unchanged()

    def test_an_edit_is_shown_in_legal_effect(self):
        self.assertNotIn("What changes", self.served.get()[2])
        page = self.submit("check", self.before.replace("percent: 225", "percent: 250"))[2]
        self.assertIn("What changes against the saved version", page)
        self.assertIn("WIDENS", page)
        page = self.submit("check", self.before.replace("count: 4, every", "count: 3, every"))[2]
        self.assertIn("NARROWS", page)
        page = self.submit("check", self.before.replace("on_yes:", "on_yess:"))[2]
        self.assertIn("once neither text has errors", page)

    def test_a_draft_is_compared_with_the_file_named(self):
        other = self.folder.path / "in-force.yaml"
        other.write_text(self.before.replace("count: 50000", "count: 40000"), encoding="utf-8")
        served = Served(self.file, "--against", str(other))
        self.addCleanup(served.close)
        page = served.get()[2]
        self.assertIn("What changes against in-force.yaml", page)
        self.assertIn("WIDENS", page)

    def test_saving_keeps_comments_and_every_byte(self):
        changed = self.before.replace('title: "Income check', 'title: "An income check') + "# a last word\n"
        status, _, page = self.submit("save", changed.replace("\n", "\r\n"))
        self.assertEqual(status, 200)
        self.assertIn("Saved.", page)
        self.assertEqual(self.file.read_bytes(), changed.encode())

    def test_saving_keeps_the_mode_and_leaves_nothing_beside(self):
        os.chmod(self.file, 0o600)
        self.submit("save", self.before + "# more\n")
        self.assertEqual(self.file.stat().st_mode & 0o777, 0o600)
        self.assertEqual(sorted(p.name for p in self.folder.path.iterdir()), ["agreement.yaml", "facts.yaml"])

    def test_what_changed_on_disk_is_not_overwritten(self):
        form = self.served.form()
        self.file.write_text(self.before + "# by somebody else\n", encoding="utf-8")
        status, _, page = self.served.post({**form, "action": "save", "text": "mine"})
        self.assertEqual(status, 200)
        self.assertIn("the file was changed on disk", page)
        self.assertIn("mine", page)
        self.assertIn("# by somebody else", self.file.read_text(encoding="utf-8"))

    def test_a_signed_file_is_not_changed(self):
        (self.folder.path / "agreement.yaml.tax.revenue.example.p7s").write_bytes(b"0")
        page = self.submit("save", self.before + "# more\n")[2]
        self.assertIn("it is signed", page)
        self.unchanged()

    def test_a_draft_with_errors_can_be_saved(self):
        page = self.submit("save", "format: \"vouch-agreement/1\"\n")[2]
        self.assertIn("Saved.", page)
        self.assertIn("error", page)
        self.assertEqual(self.file.read_text(encoding="utf-8"), "format: \"vouch-agreement/1\"\n")

    def test_the_page_for_printing_is_the_saved_version(self):
        page = self.served.get(self.served.path + "print")[2]
        self.assertIn("The agreement itself", page)
        self.assertNotIn("<form", page)

    def test_ends_with_its_button(self):
        self.assertIn("Ended", self.submit("quit", "")[2])
        self.assertEqual(self.served.process.wait(timeout=20), 0)
        self.unchanged()

    def test_ends_with_control_c(self):
        self.served.process.send_signal(signal.SIGINT)
        self.assertEqual(self.served.process.wait(timeout=20), 0)


if __name__ == "__main__":
    unittest.main(argv=sys.argv, verbosity=2)
