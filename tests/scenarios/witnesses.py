"""Operators who put their ledger back, or show two partners two of them, and who finds out."""

import datetime
import json
import pathlib
import re
import shutil
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))

from federation import Process, free_port  # noqa: E402
from world import PROGRAMS, World, clock_environment, main, run, wait_until  # noqa: E402


def gauge(node, name, partner=None):
    """-1 before the node has set it."""
    labels = f'partner="{partner}",' if partner else ""
    found = re.findall(rf'^vouch_state{{{labels}what="{name}"}} ([0-9.e+-]+)$', node.metrics(), re.M)
    return float(found[0]) if found else -1


def start_refused(node, *arguments):
    """What vouchd says when it does not start."""
    done = subprocess.run([PROGRAMS / "vouchd", "--node", node.folder, *arguments],
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1, (done.returncode, done.stderr)
    return done.stderr


class Witnessed(unittest.TestCase):
    """tax.example and aid.example, each knowing where the other is."""

    def setUp(self):
        self.port = free_port()
        self.world = World(people=40, start=False, settings={
            "listen": f"127.0.0.1:{self.port}", "checkpoint_exchange_seconds": 1})
        self.addCleanup(self.world.close)
        self.tax, self.aid = self.world.tax, self.world.aid
        aid_port = free_port()
        self.aid.set(listen=f"127.0.0.1:{aid_port}", checkpoint_exchange_seconds=1)
        self.tax.set_partner("aid.example", address=f"127.0.0.1:{aid_port}")
        self.aid.set_partner("tax.example", address=f"127.0.0.1:{self.port}")

    def ask(self, count, address=None):
        client = self.aid.client(self.tax, address=address)
        for person in self.world.filers()[:count]:
            self.world.ask(self.world.agreement.tokens(person), client=client)
        client.close()

    def start_tax(self):
        self.tax.start()
        self.tax.wait_ready(self.world.agreement)

    def wait_cosigned(self):
        def done():
            written = gauge(self.tax, "ledger_entries")
            return 0 <= written <= gauge(self.tax, "ledger_cosigned_entries", "aid.example")

        time.sleep(1.5)  # the gauges are a second old
        wait_until("aid.example to cosign all there is", done, 30)


class Rollback(Witnessed):
    def test_a_journal_that_was_put_back_is_found_by_whoever_cosigned(self):
        self.start_tax()
        self.aid.start()
        self.ask(3)
        self.wait_cosigned()
        self.tax.stop()
        journal, older = self.tax.folder / "journal", self.world.federation.folder / "older"
        shutil.copytree(journal, older)
        self.start_tax()
        self.ask(6)
        self.wait_cosigned()
        self.assertIn("ok: own ledger: tax.example/ledger/", run(
            "vouch", "doctor", "--node", self.tax.folder, accept=(0, 1)).stdout)
        # Everything of it computed anew, by a partner: its own entries, the others' hashes.
        done = run("vouch", "ledger", "verify", "tax.example", "--node", self.aid.folder, "--json")
        facts = json.loads(done.stdout)
        self.assertEqual(facts["result"], "verified")
        self.assertTrue(0 < facts["entries_read"] < facts["entries"], facts)
        self.tax.stop()

        shutil.rmtree(journal)
        shutil.copytree(older, journal)
        # By the mark of what it signed itself, which lies on another path.
        said = start_refused(self.tax)
        self.assertIn("this node signed a checkpoint of", said)
        self.assertIn("put back to an earlier state", said)
        (self.tax.folder / "keys/ledger.high-water").unlink()
        # It lies with the journal that there was one.
        said = start_refused(self.tax)
        self.assertIn("ledger.high-water, is gone", said)
        self.assertIn("--without-high-water", said)
        (self.tax.folder / "journal/marked").unlink()
        # By its own note of what partners cosigned.
        said = start_refused(self.tax)
        self.assertIn("own.cosigned holds a checkpoint", said)
        # And where that was put back as well, by the partner.
        (self.tax.folder / "witness/own.cosigned").unlink()
        said = start_refused(self.tax)
        self.assertIn("aid.example holds a checkpoint", said)
        self.assertIn("put back to an earlier state", said)

        # With nobody there who knows, it starts; it stops as soon as somebody does.
        self.aid.stop()
        self.start_tax()
        self.aid.start()
        wait_until("tax.example to stop", lambda: not self.tax.process.running(), 40)
        self.assertEqual(self.tax.process.popen.returncode, 1)
        self.assertIn("vouchd: stopped: aid.example holds a checkpoint", self.tax.log.read_text())

    def test_a_live_node_starts_without_witnesses_only_when_told_so(self):
        self.start_tax()
        self.aid.start()
        self.ask(2)
        self.wait_cosigned()
        self.tax.stop()
        self.aid.stop()
        # What is for test people starts, and says so.
        self.start_tax()
        self.assertIn("started without a witness", self.tax.log.read_text())
        self.tax.stop()
        self.tax.set(use="live")
        said = start_refused(self.tax)
        self.assertIn("none of 1 partners could be asked", said)
        self.assertIn("--without-witnesses", said)

    def test_a_node_whose_mark_is_lost_starts_without_it_once_and_makes_it_anew(self):
        self.start_tax()
        self.ask(2)
        self.tax.stop()
        mark = self.tax.folder / "keys/ledger.high-water"
        before = mark.read_text()
        mark.unlink()
        self.assertIn("is gone", start_refused(self.tax))
        self.tax.start(options=["--without-high-water"])
        self.assertIn("started without the mark of what was signed", self.tax.log.read_text())
        self.assertEqual(mark.read_text().split("\n")[:3], before.split("\n")[:3])
        self.tax.stop()
        self.start_tax()


class Lag(Witnessed):
    """A requester that cosigns nothing is answered no more, until it does."""

    def setUp(self):
        super().setUp()
        export = self.world.federation.folder / "aid-for-tax"
        self.tax.set(cosignature_lag_entries=6)
        self.tax.set_partner("aid.example", witness_key=str(export / "witness.txt"))

    def refusal(self):
        """Of a question: its reason, or None when it is answered. One person may be asked about
        only so often, which is none of a ledger's business."""
        client = self.aid.client(self.tax)
        outcome = self.world.ask(self.world.agreement.tokens(self.world.filers()[0]), client=client)
        client.close()
        reason = getattr(outcome, "reason", None)
        return None if reason == "PERSON_LIMIT" else reason

    def check(self):
        self.start_tax()
        self.aid.start()
        self.wait_cosigned()
        self.ask(9)
        self.wait_cosigned()
        self.assertIsNone(self.refusal())
        self.aid.stop()
        self.ask(9)
        wait_until("aid.example to be refused",
                   lambda: self.refusal() == "LEDGER_UNAVAILABLE", 20)
        self.assertEqual(gauge(self.tax, "cosignature_lag_refused", "aid.example"), 1)
        self.assertIn("no cosignature of aid.example covers", self.tax.log.read_text())
        # Whoever restarts has not forgotten it.
        self.tax.stop()
        self.start_tax()
        self.assertEqual(self.refusal(), "LEDGER_UNAVAILABLE")
        self.aid.start()
        wait_until("aid.example to be answered again", lambda: self.refusal() is None, 20)
        done = run("vouch", "doctor", "--node", self.tax.folder, accept=(0, 1))
        self.assertIn("ok: cosignatures of aid.example: of our ledger are verified", done.stdout)

    def test_where_the_responder_calls_the_requester(self):
        self.check()
        self.assertIn("— aid.example ", (self.tax.folder / "witness/own.cosigned").read_text())

    def test_where_only_the_requester_can_call(self):
        settings = self.tax.folder / "node.yaml"
        text = settings.read_text()
        address = re.search(r'^  - agency: "aid.example"\n(    address: .*\n)', text, re.M)
        if address is None:
            address = re.search(r'^(    address: "127.*\n)', text, re.M)
        settings.write_text(text.replace(address[1], ""))
        self.check()

    def test_a_cosignature_under_another_key_does_not_count(self):
        export = self.world.federation.folder / "tax-for-aid"
        forged = self.world.federation.folder / "forged.txt"
        # A good verifier key, under the right name, which is not aid.example's.
        done = subprocess.run(
            [sys.executable, "-c", FORGED_KEY, export / "witness.txt"], check=True,
            capture_output=True, text=True)
        forged.write_text(done.stdout)
        self.tax.set_partner("aid.example", witness_key=str(forged))
        self.start_tax()
        self.aid.start()
        wait_until("tax.example to say so",
                   lambda: "the cosignature is not counted" in self.tax.log.read_text(), 20)
        self.assertFalse((self.tax.folder / "witness/own.cosigned").exists())


# tax.example's witness key, under aid.example's name: the key id names both.
FORGED_KEY = """
import base64, hashlib, sys
key = base64.b64decode(open(sys.argv[1]).read().strip().split("+", 2)[2])
name = "aid.example"
identity = hashlib.sha256(name.encode() + b"\\n" + key).hexdigest()[:8]
print(f"{name}+{identity}+{base64.b64encode(key).decode()}")
"""


class NewYear(Witnessed):
    """The clocks of both nodes go on to a day of next year."""

    def origins(self):
        done = run("vouch", "ledger", "export", "--node", self.tax.folder, "--json", "--output",
                   self.world.federation.folder / "exported")
        return [log["origin"] for log in json.loads(done.stdout)["logs"]]

    def cosigned(self):
        return (self.tax.folder / "witness/own.cosigned").read_text().splitlines()[0]

    def test_a_partner_follows_the_ledger_into_the_next_year(self):
        now = datetime.datetime.now(datetime.timezone.utc)
        this_year, next_year = (f"tax.example/ledger/{now.year + more}" for more in (0, 1))
        offset = self.world.federation.folder / "clock"
        offset.write_text("0")
        clock = clock_environment(offset)
        self.tax.start(environment=clock)
        self.tax.wait_ready(self.world.agreement)
        self.aid.start(environment=clock)
        self.ask(3)
        self.wait_cosigned()
        self.assertEqual(self.cosigned(), this_year)
        ahead = datetime.datetime(now.year + 1, 1, 2, tzinfo=datetime.timezone.utc) - now
        fresh = offset.with_suffix(".new")
        fresh.write_text(str(int(ahead.total_seconds())))
        fresh.rename(offset)
        time.sleep(2.5)
        # A clock that nobody vouches for ends no year.
        self.assertEqual(self.origins(), [this_year])
        for node in (self.tax, self.aid):
            run("vouch", "ledger", "acknowledge-clock", "--node", node.folder, "--yes")
        wait_until("the next year's log", lambda: self.origins() == [this_year, next_year], 30)
        wait_until("aid.example to cosign it", lambda: self.cosigned() == next_year, 30)
        self.assertEqual(gauge(self.aid, "ledger_evidence"), 0)
        # Both logs computed anew, and how one goes on from the other: by the partner, and from files.
        for target in ("tax.example", self.world.federation.folder / "exported"):
            done = run("vouch", "ledger", "verify", target, "--node", self.aid.folder, "--json")
            facts = json.loads(done.stdout)
            self.assertEqual(facts["result"], "verified")
            self.assertEqual([log["origin"] for log in facts["logs"]], [this_year, next_year])
        self.tax.stop()
        self.tax.start(environment=clock)
        self.assertTrue((self.tax.folder / "journal/tree/closed.checkpoint").exists())
        wait_until("the new log on its screen", lambda:
                   f"ledger            {next_year}" in self.tax.log.read_text(), 20)
        # Another year later nobody asks, and nobody need.
        self.aid.stop()
        self.tax.stop()
        offset.write_text(str(int(ahead.total_seconds()) + 366 * 86400))
        self.tax.start(environment=clock)
        last = f"tax.example/ledger/{now.year + 2}"
        wait_until("a log of its own", lambda: self.origins() == [this_year, next_year, last], 30)


class SplitView(Witnessed):
    def fork(self):
        """The operator's other ledger under the real key: a copy of the stopped node's folder, with
        a port of its own. (folder, port)"""
        folder, port = self.world.federation.folder / "tax-other", free_port()
        shutil.copytree(self.tax.folder, folder)
        settings = folder / "node.yaml"
        settings.write_text(settings.read_text().replace(f":{self.port}", f":{port}"))
        (folder / "run/listen").unlink()
        return folder, port

    def start_other(self, folder):
        other = Process([PROGRAMS / "vouchd", "--node", folder],
                        self.world.federation.folder / "other.log")
        self.world.federation.processes.append(other)
        wait_until("the other ledger", lambda: (folder / "run/listen").exists(), 30)

    def wait_evidence(self):
        evidence = self.aid.folder / "witness/evidence"
        wait_until("aid.example to have evidence",
                   lambda: list(evidence.glob("*.txt")), 40)
        return next(evidence.glob("*.txt")).read_text()

    def test_answers_from_another_ledger_than_the_one_shown_are_found_out(self):
        self.start_tax()
        self.tax.stop()
        folder, port = self.fork()
        self.start_tax()
        self.start_other(folder)
        self.ask(4)
        self.aid.start()
        wait_until("aid.example to know the ledger shown",
                   lambda: gauge(self.aid, "partner_ledger_entries", "tax.example") >= 1, 30)
        # The running node keeps to the address it knows; who asks is led elsewhere.
        self.aid.set_partner("tax.example", address=f"127.0.0.1:{port}")
        person = self.world.filers()[0]
        identity = {name: person[name] for name in ("social_security_number", "date_of_birth",
                                                    "given_name", "family_name", "postal_code")}
        agreement = self.world.agreement
        def ask():
            return run("vouch", "ask", "--node", self.aid.folder, "--agreement", agreement.id,
                       "--question", agreement.questions[0], "--purpose", agreement.purpose,
                       "--parameter", "household_size=1", "--parameter", "region=contiguous",
                       "--json", stdin=json.dumps(identity), accept=range(256))

        # By what the node beside it remembers; the answer is not shown.
        done = ask()
        self.assertNotEqual(done.returncode, 0)
        self.assertNotIn('"answer"', done.stdout)
        self.assertIn("no answer of this responder is used any more", done.stderr)
        self.assertEqual(self.wait_evidence().count("— tax.example/ledger/"), 2)
        # Nor under the ledger that was shown, until somebody has settled it.
        self.aid.set_partner("tax.example", address=f"127.0.0.1:{self.port}")
        self.assertIn("was found out before", ask().stderr)
        for refused in (self.aid.folder / "witness/asked").glob("*.refused"):
            refused.unlink()
        done = ask()
        self.assertIn(json.loads(done.stdout)["answer"], ("YES", "NO", "UNDETERMINED"))
        wait_until("what was looked at to be gone",
                   lambda: not list((self.aid.folder / "witness/seen").iterdir()), 10)
        wait_until("the gauge", lambda: gauge(self.aid, "ledger_evidence") >= 1, 10)

    def test_two_partners_who_are_shown_two_ledgers_find_out(self):
        federation = self.world.federation
        loans = federation.node("loans.example", listen=f"127.0.0.1:{free_port()}",
                                checkpoint_exchange_seconds=1)
        federation.introduce(self.tax, loans)
        federation.introduce(self.aid, loans)
        self.aid.set_partner("loans.example", address=re.search(
            r'^listen: "(.*)"', (loans.folder / "node.yaml").read_text(), re.M)[1])
        self.start_tax()
        self.ask(2)
        self.tax.stop()

        # The operator forks the ledger: one history for aid.example, another for loans.example,
        # each under the real key.
        other_folder, other_port = self.fork()
        loans.set_partner("tax.example", address=f"127.0.0.1:{other_port}")
        self.start_tax()
        self.start_other(other_folder)
        self.ask(4)
        self.ask(7, address=f"127.0.0.1:{other_port}")
        loans.start()
        self.aid.start()

        text = self.wait_evidence()
        self.assertIn("Vouch: evidence about tax.example/ledger/", text)
        self.assertEqual(text.count("— tax.example/ledger/"), 2)
        wait_until("the log to say it",
                   lambda: "evidence about the ledger of tax.example" in self.aid.log.read_text(), 10)
        wait_until("the gauge", lambda: gauge(self.aid, "ledger_evidence") >= 1, 10)
        doctor = run("vouch", "doctor", "--node", self.aid.folder, accept=(0, 1))
        self.assertEqual(doctor.returncode, 1)
        self.assertIn("partners' ledgers: show two histories, or went back", doctor.stdout)


if __name__ == "__main__":
    main()
