"""The officer's pages in Chromium: explain's page from a file, and the form page with JavaScript off.

Nothing is fetched from anywhere: every name but loopback's resolves to nothing, and the browser's own
log of requests is read.
"""

import base64
import http.server
import json
import subprocess
import sys
import tempfile
import threading
import unittest

from selenium import webdriver
from selenium.common.exceptions import NoAlertPresentException, WebDriverException
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.common.print_page_options import PrintOptions
from selenium.webdriver.support.ui import WebDriverWait

import hostile
from served import INCOME, Folder, Served, vouch

PAPERS = {"Letter": (21.59, 27.94), "A4": (21.0, 29.7)}


def gone(element):
    """Whether its page was left. While that happens the driver has more words for it than "stale"."""
    try:
        element.is_enabled()
        return False
    except WebDriverException:
        return True


def chromium(*, scripts, width=1000):
    options = Options()
    options.binary_location = "/usr/bin/chromium"
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                     "--no-first-run", "--disable-background-networking", "--disable-component-update",
                     "--disable-sync", f"--window-size={width},900",
                     # Names resolve to nothing, but one that an attacker points at this machine.
                     "--host-resolver-rules=MAP rebound.example 127.0.0.1, MAP * ~NOTFOUND, "
                     "EXCLUDE 127.0.0.1, EXCLUDE localhost"):
        options.add_argument(argument)
    if not scripts:
        options.add_experimental_option("prefs", {"profile.managed_default_content_settings.javascript": 2})
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
    driver.set_page_load_timeout(30)
    driver.set_script_timeout(10)
    return driver


class Page(unittest.TestCase):
    scripts = True

    @classmethod
    def setUpClass(cls):
        cls.browser = chromium(scripts=cls.scripts)
        cls.addClassCleanup(cls.browser.quit)

    def folder(self, template=INCOME):
        folder = Folder(template)
        self.addCleanup(folder.close)
        return folder

    def explained(self, agreement):
        page = agreement.parent / "agreement.html"
        done = vouch("agreement", "explain", agreement, "--html", page)
        self.assertEqual(done.returncode, 0, done.stderr)
        return page.as_uri()

    def open(self, address):
        self.browser.get_log("performance")
        self.browser.get(address)

    def requests(self):
        """Every address asked for since open(), in the browser's own words."""
        asked = []
        for entry in self.browser.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                asked.append(message["params"]["request"]["url"])
        return asked

    def harmless(self, title):
        """No dialog, no script, nothing fetched, nothing of the attack among the elements."""
        with self.assertRaises(NoAlertPresentException):
            self.browser.switch_to.alert
        self.assertEqual(self.browser.title, title)
        for name in ("script", "img", "svg", "iframe", "object", "embed", "base", "link", "video", "audio"):
            self.assertEqual(self.browser.find_elements(By.TAG_NAME, name), [], name)
        for element in self.browser.find_elements(By.CSS_SELECTOR, "[onerror], [onload], [onmouseover], [style], "
                                                                   "[href^='javascript:'], [href^='http']"):
            self.fail(element.get_attribute("outerHTML")[:200])

    def sizes(self):
        return self.browser.execute_script(
            "const d = document.documentElement; return [d.scrollWidth, d.clientWidth]")

    def fits(self):
        scroll, client = self.sizes()
        self.assertLessEqual(scroll, client, "the page is wider than the window")

    def printed(self, paper):
        options = PrintOptions()
        options.page_width, options.page_height = PAPERS[paper]
        with tempfile.NamedTemporaryFile(suffix=".pdf") as pdf:
            pdf.write(base64.b64decode(self.browser.print_page(options)))
            pdf.flush()
            text = subprocess.run(["pdftotext", "-layout", pdf.name, "-"], check=True, capture_output=True,
                                  timeout=60).stdout.decode("utf-8")
        return text


class ExplainPage(Page):
    def test_renders_without_asking_for_anything_else(self):
        address = self.explained(self.folder().agreement)
        self.open(address)
        self.assertEqual(self.requests(), [address])
        self.assertEqual(self.browser.find_element(By.TAG_NAME, "h1").text, "Income check for federal student aid")
        self.assertIn("$74,250.00 is YES; $74,250.01 is NO", self.browser.find_element(By.TAG_NAME, "main").text)
        self.assertEqual([entry for entry in self.browser.get_log("browser") if entry["level"] == "SEVERE"], [])
        self.fits()

    def test_a_sentence_leads_to_its_line(self):
        self.open(self.explained(self.folder().agreement))
        sentence = next(one for one in self.browser.find_elements(By.CSS_SELECTOR, "span.s")
                        if one.text.startswith("The last day is"))
        sentence.find_element(By.CSS_SELECTOR, "a.n").click()
        line = self.browser.find_element(By.CSS_SELECTOR, ".l:target")
        self.assertIn('expires: "2027-09-30"', line.text)
        top = self.browser.execute_script("return arguments[0].getBoundingClientRect().top", line)
        self.assertTrue(-1 < top < 900, top)

    def test_prints_on_both_papers_with_its_lines_as_numbers(self):
        self.open(self.explained(self.folder().agreement))
        for paper in PAPERS:
            text = self.printed(paper)
            words = " ".join(text.split())
            for wanted in ("Income check for federal student aid", "$74,250.00 is YES; $74,250.01 is NO. [56]",
                           "The agreement itself", 'expires: "2027-09-30"', "SHA-256 of the exact file",
                           "12 hawaii $202,927.50 $202,927.51 [56]"):
                self.assertIn(wanted, words, paper)
            self.assertGreater(text.count("\f"), 3)
            self.assertLess(text.count("\f"), 20)

    def test_is_read_in_order(self):
        self.open(self.explained(self.folder().agreement))
        html = self.browser.find_element(By.TAG_NAME, "html")
        self.assertEqual(html.get_attribute("lang"), "en")
        for landmark in ("header", "nav", "main", "footer"):
            self.assertEqual(len(self.browser.find_elements(By.CSS_SELECTOR, f"body > {landmark}")), 1)
        html.send_keys(Keys.TAB)
        self.assertEqual(self.browser.switch_to.active_element.get_attribute("class"), "skip")
        for cell in self.browser.find_elements(By.CSS_SELECTOR, "th"):
            self.assertEqual(cell.get_attribute("scope"), "col")

    def test_text_stands_out_from_its_ground(self):
        self.open(self.explained(self.folder().agreement))
        worst = self.browser.execute_script("""
          const channel = c => { c /= 255; return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; };
          const parse = s => s.match(/[\\d.]+/g).map(Number);
          const light = c => 0.2126 * channel(c[0]) + 0.7152 * channel(c[1]) + 0.0722 * channel(c[2]);
          let worst = 99;
          for (const e of document.querySelectorAll('body *')) {
            if (!e.textContent.trim()) continue;
            let ground = null;
            for (let p = e; p && !ground; p = p.parentElement) {
              const c = parse(getComputedStyle(p).backgroundColor);
              if (c.length < 4 || c[3] > 0) ground = c;
            }
            const a = light(parse(getComputedStyle(e).color)), b = light(ground || [255, 255, 255]);
            worst = Math.min(worst, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05));
          }
          return worst;""")
        self.assertGreaterEqual(worst, 4.5)

    def test_a_hostile_agreement_is_text(self):
        file = hostile.write(self.folder(template=None).path)
        address = self.explained(file)
        self.open(address)
        self.assertEqual(self.requests(), [address])
        self.harmless(self.browser.title)
        self.assertNotIn("pwned", self.browser.title.replace("document.title='pwned'", ""))
        body = self.browser.find_element(By.TAG_NAME, "body").text
        # Each of the texts stands there whole, up to its last letter.
        self.assertIn(hostile.attack(2000), body.replace("\n", " "))
        self.assertIn(hostile.MAIL, body)
        self.fits()
        for paper in PAPERS:
            self.assertIn("<script>document.title='pwned'", self.printed(paper))

    def test_a_hostile_redline_is_text(self):
        file = hostile.write(self.folder(template=None).path)
        other = file.parent / "other.yaml"
        other.write_text(hostile.reworded(file.read_text(encoding="utf-8")), encoding="utf-8")
        page = file.parent / "redline.html"
        done = vouch("agreement", "diff", file, other, "--html", page)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.open(page.as_uri())
        self.assertEqual(self.requests(), [page.as_uri()])
        self.harmless(self.browser.title)
        body = self.browser.find_element(By.TAG_NAME, "body").text
        self.assertIn("NARROWS", body)
        for script in ("alert(1)</script>", "alert(9)</script>"):
            self.assertIn(script, body)
        self.fits()
        self.assertIn("alert(9)</script>", " ".join(self.printed("Letter").split()))

    def test_a_hostile_agreement_fits_a_small_window(self):
        self.open(self.explained(hostile.write(self.folder(template=None).path)))
        self.browser.set_window_size(500, 800)
        try:
            self.fits()
        finally:
            self.browser.set_window_size(1000, 900)


class FormPageWithoutScripts(Page):
    scripts = False

    def served(self, folder, *arguments):
        served = Served(folder.agreement, *arguments)
        self.addCleanup(served.close)
        self.open(served.address)
        return served

    def write(self, text):
        self.browser.find_element(By.ID, "draft").send_keys(Keys.CONTROL, Keys.END)
        self.browser.find_element(By.ID, "draft").send_keys(text)

    def press(self, action):
        self.follow(self.browser.find_element(By.CSS_SELECTOR, f"button[value={action}]"))

    def follow(self, element):
        """Clicks what leads to another page, and waits for that page."""
        left = self.browser.find_element(By.TAG_NAME, "html")
        element.click()
        WebDriverWait(self.browser, 20).until(lambda _: gone(left))
        WebDriverWait(self.browser, 20).until(lambda browser: browser.find_elements(By.TAG_NAME, "body"))

    def said(self):
        return self.browser.find_element(By.CSS_SELECTOR, ".said").text

    def body(self):
        return self.browser.find_element(By.TAG_NAME, "body").text

    def test_an_officer_edits_checks_and_saves(self):
        folder = self.folder()
        before = folder.agreement.read_text(encoding="utf-8")
        served = self.served(folder)
        self.assertIn("0 errors", self.body())
        self.write("colour: \"red\"\n")
        self.press("check")
        self.assertEqual(self.said(), "Checked, not saved.")
        self.assertIn("there is no key `colour`", self.body())
        self.assertEqual(folder.agreement.read_text(encoding="utf-8"), before)
        link = self.browser.find_element(By.CSS_SELECTOR, ".finding a")
        link.click()
        self.assertIn('colour: "red"', self.browser.find_element(By.CSS_SELECTOR, ".l:target").text)
        self.write(Keys.BACKSPACE * len('colour: "red"\n') + "# read by counsel\n")
        self.press("check")
        self.assertIn("0 errors", self.body())
        self.press("save")
        self.assertIn("Saved.", self.said())
        self.assertEqual(folder.agreement.read_text(encoding="utf-8"), before + "# read by counsel\n")
        self.write("# once more\n")
        self.press("save")
        self.assertEqual(folder.agreement.read_text(encoding="utf-8"),
                         before + "# read by counsel\n# once more\n")
        asked = [one for one in self.requests() if not one.startswith(served.address)]
        # A browser asks for its icon; it gets nothing.
        self.assertLessEqual(set(asked), {f"http://{served.host}/favicon.ico"})
        self.press("quit")
        self.assertIn("Ended", self.body())
        self.assertEqual(served.process.wait(timeout=20), 0)

    def test_two_windows_do_not_overwrite_each_other(self):
        folder = self.folder()
        self.served(folder)
        self.write("# mine\n")
        theirs = folder.agreement.read_text(encoding="utf-8") + "# theirs\n"
        folder.agreement.write_text(theirs, encoding="utf-8")
        self.press("save")
        self.assertIn("the file was changed on disk", self.said())
        self.assertTrue(self.browser.find_element(By.ID, "draft").get_attribute("value").endswith("# mine\n"))
        self.assertEqual(folder.agreement.read_text(encoding="utf-8"), theirs)

    def test_a_form_on_another_site_is_refused_even_with_the_address(self):
        folder = self.folder()
        before = folder.agreement.read_text(encoding="utf-8")
        served = self.served(folder)
        token = self.browser.find_element(By.NAME, "token").get_attribute("value")
        based_on = self.browser.find_element(By.NAME, "based_on").get_attribute("value")
        evil = (f'<!DOCTYPE html><form method="post" enctype="multipart/form-data" action="{served.address}">'
                f'<input name="token" value="{token}"><input name="based_on" value="{based_on}">'
                '<input name="action" value="save"><textarea name="text">stolen</textarea>'
                f'<button>go</button></form><a href="{served.address}">look</a>'
                f'<iframe src="{served.address}"></iframe>').encode()

        class Evil(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(evil)

            def log_message(self, *arguments):
                pass
        site = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Evil)
        threading.Thread(target=site.serve_forever, daemon=True).start()
        self.addCleanup(site.server_close)
        self.addCleanup(site.shutdown)
        file = folder.path / "evil.html"
        file.write_bytes(evil)
        for address in (f"http://localhost:{site.server_port}/", f"http://127.0.0.1:{site.server_port}/",
                        f"http://rebound.example:{site.server_port}/", file.as_uri()):
            self.browser.get(address)
            self.follow(self.browser.find_element(By.TAG_NAME, "button"))
            self.assertNotIn("studentaid", self.browser.page_source.replace(str(folder.path), ""), address)
            self.assertRegex(self.body(), "not sent from its own page|Another site asked", address)
            self.assertEqual(folder.agreement.read_text(encoding="utf-8"), before, address)
            self.browser.get(address)
            frame = self.browser.find_element(By.TAG_NAME, "iframe")
            self.browser.switch_to.frame(frame)
            self.assertNotIn("Draft agreement", self.browser.page_source)
            self.browser.switch_to.default_content()

    def test_a_name_bound_anew_to_this_machine_is_refused(self):
        folder = self.folder()
        served = self.served(folder)
        self.open(served.address.replace("127.0.0.1", "rebound.example"))
        self.assertIn("not served under that name", self.body())
        self.open(served.address.replace("127.0.0.1", "localhost"))
        self.assertIn("0 errors", self.body())

    def test_a_hostile_draft_is_text(self):
        for hide in (False, True):
            with self.subTest(hidden=hide):
                folder = self.folder(template=None)
                file = hostile.write(folder.path)
                if hide:
                    file.write_text(hostile.hidden_text(file.read_text(encoding="utf-8")), encoding="utf-8")
                self.served(folder)
                self.harmless("agreement.yaml: draft")
                self.fits()
                draft = self.browser.find_element(By.ID, "draft").get_attribute("value")
                self.assertIn("</textarea></title></style>", draft)
                if hide:
                    self.assertIn("\\u{202E}\\u{2066}\\u{200B}\\u{1B}[2J", draft)
                    self.assertIn("characters that nobody sees", self.said())
                else:
                    self.assertEqual(draft, file.read_text(encoding="utf-8"))
                self.assertTrue(set(self.browser.page_source).isdisjoint("\u202e\u2066\u200b\x1b\x07\x9b"))


class Attacked(Page):
    """The same attacks where scripts may run: what stops them is the page, not the browser's setting."""

    def test_a_hostile_draft_runs_nothing(self):
        folder = self.folder(template=None)
        hostile.write(folder.path)
        served = Served(folder.agreement)
        self.addCleanup(served.close)
        self.open(served.address)
        self.harmless("agreement.yaml: draft")
        self.assertEqual([entry["message"] for entry in self.browser.get_log("browser")
                          if "Content Security Policy" in entry["message"]], [])

    def test_a_page_that_runs_the_attack_is_noticed(self):
        page = self.folder(template=None).path / "unescaped.html"
        page.write_text(f"<!DOCTYPE html><title>x</title><p>{hostile.ATTACK.replace('alert', 'void')}", encoding="utf-8")
        self.open(page.as_uri())
        with self.assertRaises(AssertionError):
            self.harmless("x")


if __name__ == "__main__":
    unittest.main(argv=sys.argv, verbosity=2)
