"""What operators do to nodes that run: renew certificates, add and remove partners, look at time."""

import pathlib
import shutil
import socket
import subprocess
import sys
import time
import unittest
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))

from authority import issue  # noqa: E402
from world import Federation, World, clock_environment, main, run, wait_until, wire  # noqa: E402


class Nodes(unittest.TestCase):
    """Two nodes that know each other; no agreements, no records."""

    def setUp(self):
        self.federation = Federation()
        self.addCleanup(self.federation.__exit__, None)
        self.tax = self.federation.node("tax.example")
        self.aid = self.federation.node("aid.example")
        self.federation.introduce(self.tax, self.aid)

    def listed(self, asker, responder, **own):
        """Whether `asker` gets an answer of `responder`, over a connection of its own; else why not."""
        client = asker.client(responder, **own)
        try:
            client.list_agreements()
            return "answered"
        except wire.Refusal as refusal:
            return refusal.reason
        finally:
            client.close()

    def log(self, node):
        return node.log.read_text(errors="replace")


class Renewal(Nodes):
    def shown(self):
        """The serial number of the certificate the node shows; None when there is no handshake."""
        done = subprocess.run(
            ["openssl", "s_client", "-tls1_3", "-connect", self.tax.address, "-alpn", "h2",
             "-cert", self.aid.certificate, "-key", self.aid.key],
            input=b"", capture_output=True, timeout=20)
        read = subprocess.run(["openssl", "x509", "-noout", "-serial"], input=done.stdout,
                              capture_output=True, timeout=20)
        return read.stdout.strip() or None

    def put(self, source, place):
        fresh = place.with_suffix(".fresh")
        shutil.copyfile(source, fresh)
        fresh.chmod(0o600)
        fresh.rename(place)

    def test_a_new_pair_is_taken_up_and_half_of_one_is_not(self):
        self.tax.start()
        open_before = self.aid.client(self.tax)
        self.addCleanup(open_before.close)
        open_before.list_agreements()
        old = self.shown()
        self.assertIsNotNone(old)
        certificate, key = issue(self.tax, self.federation.folder, agency="tax.example")
        # One of the two files alone: every handshake would fail if it were used.
        self.put(key, self.tax.key)
        wait_until("the node to say so",
                   lambda: "does not belong to the certificate" in self.log(self.tax))
        time.sleep(2.5)
        self.assertEqual(self.shown(), old)
        self.assertEqual(self.listed(self.aid, self.tax), "answered")
        doctor = run("vouch", "doctor", "--node", self.tax.folder, accept=(1,))
        self.assertIn("does not belong to the certificate", doctor.stdout)

        self.put(certificate, self.tax.certificate)
        wait_until("the new certificate", lambda: self.shown() not in (None, old))
        self.assertEqual(self.listed(self.aid, self.tax), "answered")
        open_before.list_agreements()
        self.assertIn("certificate taken up", self.log(self.tax))
        self.assertTrue(self.tax.process.running())
        self.assertGreater(self.tax.gauge("certificate_seconds_left"), 29 * 86400)

    def test_another_agencys_or_an_expired_pair_is_not_taken_up(self):
        self.tax.start()
        old = self.shown()
        for pair, words in ((issue(self.tax, self.federation.folder, agency="meals.example"),
                             "is for meals.example"),
                            (issue(self.tax, self.federation.folder, agency="tax.example", days=-1),
                             "not valid at this time")):
            self.put(pair[1], self.tax.key)
            self.put(pair[0], self.tax.certificate)
            wait_until("the node to say so", lambda: words in self.log(self.tax))
            time.sleep(1.5)
            self.assertEqual(self.shown(), old)

    def test_a_node_does_not_start_with_half_a_pair(self):
        _, key = issue(self.tax, self.federation.folder, agency="tax.example")
        self.put(key, self.tax.key)
        done = run("vouchd", "--node", self.tax.folder, "--check", accept=(1,))
        self.assertIn("does not belong to the certificate", done.stderr)


class Watching(Nodes):
    def test_a_probe_learns_that_the_node_runs_and_figures_have_the_names_of_the_page(self):
        self.tax.start()
        with urllib.request.urlopen(f"http://127.0.0.1:{self.tax.metrics_port}/healthz",
                                    timeout=10) as page:
            self.assertEqual(page.status, 200)
            self.assertNotIn("tax.example", page.read().decode())
        wait_until("the first figures", lambda: "charge_rows" in self.tax.metrics())
        figures = self.tax.metrics()
        for name in ("certificate_seconds_left", "clock_trusted", "ledger_evidence", "agreements",
                     "agreement_files_rejected", "ledger_entries", "queued_subjects"):
            self.assertIn(f'vouch_state{{what="{name}"}}', figures)

    def test_a_wrong_command_line_ends_with_2(self):
        done = run("vouchd", "--nod", self.tax.folder, accept=(2,))
        self.assertIn("--help", done.stderr)


class DamagedRecords(unittest.TestCase):
    def test_the_node_says_when_what_it_answers_from_is_damaged(self):
        world = World(people=50, start=False)
        self.addCleanup(world.close)
        facts = next((world.tax.folder / "records").glob("facts.*"))
        damaged = bytearray(facts.read_bytes())
        # docs/records.md: magic, schema number, size of the header; then rows.
        for at in range(int.from_bytes(damaged[12:16], "big"), len(damaged)):
            damaged[at] ^= 0x01
        facts.write_bytes(damaged)
        world.tax.start()
        world.tax.wait_ready(world.agreement)
        world.client = world.aid.client(world.tax)
        self.addCleanup(world.client.close)
        person = world.filers()[0]
        self.assertEqual(world.ask(world.agreement.tokens(person)), "UNDETERMINED")
        wait_until("the node to say so",
                   lambda: "damaged records" in world.tax.log.read_text(errors="replace"))
        wait_until("the figure", lambda: world.tax.gauge("damaged_reads") > 0)


class Fips(Nodes):
    def test_a_node_that_must_compute_in_a_validated_module_does_not_start_without(self):
        self.tax.set(crypto="fips")
        done = run("vouchd", "--node", self.tax.folder, "--check", accept=(1,))
        self.assertIn('node.yaml says crypto: "fips", and OpenSSL\'s FIPS provider', done.stderr)
        self.assertEqual(done.stdout, "")
        self.assertFalse((self.tax.folder / "run/listen").exists())


class Partners(Nodes):
    def test_partners_come_and_go_at_sighup(self):
        meals = self.federation.node("meals.example")
        self.tax.start()
        self.assertEqual(self.listed(meals, self.tax), "TRANSPORT")
        before = (self.tax.folder / "node.yaml").read_text()
        self.federation.introduce(self.tax, meals)
        self.tax.reload()
        wait_until("the new partner to be let in",
                   lambda: self.listed(meals, self.tax) == "answered")
        self.assertEqual(self.listed(self.aid, self.tax), "answered")

        # A file that cannot be read changes nothing.
        after = (self.tax.folder / "node.yaml").read_text()
        (self.tax.folder / "node.yaml").write_text(before + "nonsense: 1\n")
        self.tax.reload()
        wait_until("the node to say so",
                   lambda: "the partners from before stay" in self.log(self.tax))
        self.assertEqual(self.listed(meals, self.tax), "answered")

        (self.tax.folder / "node.yaml").write_text(before)
        open_before = meals.client(self.tax)
        self.addCleanup(open_before.close)
        open_before.list_agreements()
        self.tax.reload()

        def refused():
            try:
                open_before.list_agreements()
            except wire.Refusal as refusal:
                return refusal.reason == "CERTIFICATE"

        # On connections that are open at once, and then in the handshake.
        wait_until("the former partner to be refused", refused)
        wait_until("no handshake", lambda: self.listed(meals, self.tax) == "TRANSPORT")
        self.assertNotEqual(before, after)
        self.assertEqual(self.listed(self.aid, self.tax), "answered")

    def test_a_partner_may_change_its_authority(self):
        other = self.federation.node("other.example")
        self.tax.start()
        certificate, key = issue(other, self.federation.folder, agency="aid.example")
        own = {"certificate": certificate, "key": key}
        self.assertEqual(self.listed(self.aid, self.tax, **own), "TRANSPORT")
        anchors = self.tax.folder / "partners/aid.example/anchors.pem"
        fresh = anchors.with_suffix(".fresh")
        fresh.write_bytes(anchors.read_bytes() + other.authority.read_bytes())
        fresh.rename(anchors)
        self.tax.reload()
        wait_until("the new authority to count",
                   lambda: self.listed(self.aid, self.tax, **own) == "answered")
        self.assertEqual(self.listed(self.aid, self.tax), "answered")


class PartnersTime(Nodes):
    def start_aid(self, ahead):
        self.offset = self.federation.folder / "clock"
        self.offset.write_text(str(ahead))
        self.aid.set_partner("tax.example", address=self.tax.address)
        self.aid.start(environment=clock_environment(self.offset))

    def test_a_clock_that_is_wrong_is_told_at_start(self):
        self.tax.start()
        self.start_aid(600)
        wait_until("the screen", lambda: "partners' time" in self.log(self.aid))
        screen = self.log(self.aid)
        self.assertRegex(screen, r"WRONG +time of tax.example: its clock is (599|600|601) seconds "
                                 "behind ours")
        # At start, too, on the node that only answers.
        self.assertIn("not compared with 1 partner: it has no address", self.log(self.tax))
        self.assertAlmostEqual(self.aid.gauge("partner_time_ahead_seconds"), -600, delta=3)

        self.offset.write_text("0")
        time.sleep(0.1)
        self.aid.reload()
        wait_until("the clocks to agree",
                   lambda: abs(self.aid.gauge("partner_time_ahead_seconds")) < 3)
        doctor = run("vouch", "doctor", "--node", self.aid.folder, accept=(0, 1))
        self.assertIn("ok: time of tax.example: its clock agrees with ours", doctor.stdout)

    def test_a_partner_that_does_not_answer_holds_nothing_up(self):
        self.tax.start()
        # Takes connections and says nothing.
        with socket.socket() as deaf:
            deaf.bind(("127.0.0.1", 0))
            deaf.listen(4)
            self.aid.set_partner("tax.example", address=f"127.0.0.1:{deaf.getsockname()[1]}")
            begun = time.monotonic()
            self.aid.start()
            self.assertLess(time.monotonic() - begun, 2)
            wait_until("the screen", lambda: "partners' time" in self.log(self.aid), 10)
            self.assertIn("tax.example is being asked", self.log(self.aid))
            begun = time.monotonic()
            self.assertEqual(self.aid.stop(), 0)
            self.assertLess(time.monotonic() - begun, 4)
        self.assertNotIn("WRONG             time", self.log(self.aid))


if __name__ == "__main__":
    main()
