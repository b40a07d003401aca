"""A journal whose end is lost for good: what its operator declares, what counts as used up because
of it, and what partners take before and after they accepted."""

import datetime
import json
import os
import pathlib
import re
import shutil
import sys
import time
import unittest
from unittest import mock

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import wire  # noqa: E402
from templates import day  # noqa: E402
from witnesses import Witnessed, gauge, start_refused  # noqa: E402
from world import VALUES, World, clock_environment, income_template, main, run, wait_until  # noqa: E402

DAYS_LATER = 2
TIME = re.compile(r"\d{4}-\d\d-\d\dT[0-9:+Z]+")


class Losses(Witnessed):
    def setUp(self):
        super().setUp()
        self.journal = self.tax.folder / "journal"
        self.accept = ("partner", "accept-loss", "tax.example", "--node", self.aid.folder)

    def outcome(self, tokens, agreement=None, at=None):
        """(answer or reason, message) of one question, by the wire."""
        agreement = agreement or self.world.agreement
        client = self.aid.client(self.tax)
        try:
            response = client.verify(
                agreement.request(tokens, VALUES[0], request_id=wire.uuid7(at)))
            return wire.ANSWERS[response.answered.answer], ""
        except wire.Refusal as refusal:
            return refusal.reason, str(refusal)
        finally:
            client.close()

    def vouch_ask(self, agreement, person, accept=(0,)):
        identity = {name: person[name] for name in ("social_security_number", "date_of_birth",
                                                    "given_name", "family_name", "postal_code")}
        return run("vouch", "ask", "--node", self.aid.folder, "--agreement", agreement.id,
                   "--question", agreement.questions[0], "--purpose", agreement.purpose,
                   "--parameter", "household_size=1", "--parameter", "region=contiguous",
                   "--json", stdin=json.dumps(identity), accept=accept)

    def lose(self):
        """Answers, a backup, more answers; then the journal is gone and the backup in place."""
        world = self.world
        self.start_tax()
        self.aid.start()
        self.ask(3)
        self.wait_cosigned()
        backup = world.federation.folder / "backup"
        run("vouch", "ledger", "backup", "--node", self.tax.folder, "--output", backup)
        self.ask(6)
        receipt = self.vouch_ask(world.agreement, world.filers()[7])
        self.wait_cosigned()
        self.tax.stop()
        shutil.rmtree(self.journal)
        self.journal.mkdir(mode=0o700)
        restore = ("vouch", "ledger", "restore", backup, "--node", self.tax.folder)
        self.assertIn("--behind", run(*restore, accept=(1,)).stderr)
        self.assertIn("declare-loss", run(*restore, "--behind").stderr)
        return receipt.stdout

    def test_it_is_declared_and_partners_take_it_when_they_have_accepted(self):
        world = self.world
        receipt = self.lose()
        self.assertIn("vouch ledger declare-loss", start_refused(self.tax))

        done = run("vouch", "ledger", "declare-loss", "--node", self.tax.folder, "--yes", "--json")
        facts = json.loads(done.stdout)
        self.assertIn(world.agreement.id, facts["refused"][0])
        before, origin = facts["lost"]["origin"], facts["origin"]
        self.assertEqual(origin, before + ".2")
        self.start_tax()
        wait_until("aid.example to say what it was shown", lambda:
                   "vouch partner accept-loss tax.example" in self.aid.log.read_text(), 20)
        self.assertEqual(gauge(self.aid, "ledger_evidence"), 0)

        # Used up for everybody: asked about before, or in the lost time, or never, or nobody at all.
        filers = world.filers()
        refused = {self.outcome(world.agreement.tokens(filers[i])) for i in (0, 5, 20)}
        refused.add(self.outcome([os.urandom(32)] * len(world.agreement.tokens(filers[0]))))
        self.assertEqual(len(refused), 1, refused)
        reason, message = refused.pop()
        self.assertEqual(reason, "PERSON_LIMIT")
        self.assertIn("was lost", message)
        self.assertIn("began with a declared loss",
                      run("vouch", "doctor", "--node", self.tax.folder, accept=(0, 1)).stdout)

        # An agreement that begins later. Both clocks are ahead by then, and never seen to jump.
        later = world.federation.agree(
            income_template().id("begun-afterwards").dates(day(1), day(300)).agreement,
            world.facts, self.aid, self.tax)
        self.tax.stop()
        self.aid.stop()
        ahead = datetime.timedelta(days=DAYS_LATER).total_seconds()
        offset = world.federation.folder / "clock"
        offset.write_text(str(int(ahead)))
        clock = clock_environment(offset)
        # The partner first: gRPC, under a moved clock, does not come back to one that was not there.
        self.aid.start(environment=clock)
        self.tax.start(environment=clock)
        self.tax.wait_ready(later)
        answered = self.outcome(later.tokens(filers[20]), later, time.time() + ahead)
        self.assertIn(answered[0], ("YES", "NO", "UNDETERMINED"))
        self.assertEqual(
            self.outcome(world.agreement.tokens(filers[20]), at=time.time() + ahead)[0],
            "PERSON_LIMIT")
        with mock.patch.dict(os.environ, clock):
            # Answered, but of no use here before it was accepted.
            done = self.vouch_ask(later, filers[21], accept=range(1, 256))
            self.assertNotIn('"answer"', done.stdout)
            self.assertIn("declared that it lost", done.stderr)
            self.assertIn("vouch partner accept-loss tax.example", done.stderr)
            done = run("vouch", *self.accept, stdin="yes\n", accept=(1,))
            self.assertIn("Nothing was accepted", done.stderr)
            run("vouch", *self.accept, stdin="tax.example\n")
            done = self.vouch_ask(later, filers[21])
            self.assertIn('"answer"', done.stdout)
        own = self.tax.folder / "witness/own.cosigned"
        wait_until("aid.example to cosign the new log",
                   lambda: own.read_text().splitlines()[0] == origin, 30)
        self.assertEqual(gauge(self.aid, "ledger_evidence"), 0)
        done = run("vouch", "ledger", "verify", "tax.example", "--node", self.aid.folder)
        self.assertIn("A LOSS WAS DECLARED", done.stdout)
        self.assertIn("already", run("vouch", *self.accept, accept=(1,)).stderr)
        # What was answered in the lost time can still be shown by who was told.
        path = world.federation.folder / "answer.json"
        path.write_text(receipt)
        done = run("vouch", "receipt", "verify", path, "--node", self.aid.folder)
        self.assertIn(before, done.stdout)

    def test_a_loss_that_leaves_out_what_a_partner_saw_is_declared_again(self):
        folder = self.world.federation.folder
        marks = [self.tax.folder / name for name in ("keys/ledger.high-water",
                                                     "witness/own.cosigned")]
        self.start_tax()
        self.aid.start()
        self.ask(2)
        self.wait_cosigned()
        run("vouch", "ledger", "backup", "--node", self.tax.folder, "--output", folder / "backup")
        self.ask(4)
        self.wait_cosigned()
        self.tax.stop()
        for mark in marks:
            shutil.copy2(mark, folder / mark.name)
        self.start_tax()
        self.ask(6)
        self.wait_cosigned()
        self.tax.stop()
        self.aid.stop()
        # Journal, mark and what was cosigned, all put back: nothing here tells how far it had come.
        shutil.rmtree(self.journal)
        self.journal.mkdir(mode=0o700)
        for mark in marks:
            shutil.copy2(folder / mark.name, mark)
        run("vouch", "ledger", "restore", folder / "backup", "--node", self.tax.folder, "--behind")
        declare = ("vouch", "ledger", "declare-loss", "--node", self.tax.folder, "--yes", "--json")
        first = json.loads(run(*declare).stdout)
        self.start_tax()
        said = run("vouch", *self.accept, "--yes", accept=(1,)).stderr
        self.assertIn("leaves out what is remembered", said)
        self.assertFalse((self.aid.folder / "witness/accepted").exists())
        self.aid.start()
        wait_until("tax.example to stop", lambda: not self.tax.process.running(), 40)
        self.assertIn("aid.example holds a checkpoint", self.tax.log.read_text())
        self.assertIn("give `vouch ledger declare-loss` that checkpoint", self.tax.log.read_text())

        remembered = folder / "remembered"
        run("vouch", "partner", "remembered", "tax.example", "--node", self.aid.folder,
            "--output", remembered)
        second = json.loads(run(*declare, "--checkpoint", remembered).stdout)
        self.assertEqual(second["origin"], first["origin"].replace(".2", ".3"))
        self.assertGreater(second["lost"]["entries"], first["lost"]["entries"])
        self.start_tax()
        accepted = json.loads(run("vouch", *self.accept, "--yes", "--json").stdout)
        self.assertEqual(len(accepted["losses"]), 2)
        wait_until("aid.example to cosign the new log",
                   lambda: marks[1].read_text().splitlines()[0] == second["origin"], 30)
        self.assertEqual(gauge(self.aid, "ledger_evidence"), 0)

    def test_a_partners_checkpoint_is_enough_where_nothing_else_is_left(self):
        self.lose()
        # Not even a backup, and nothing on the tax agency's side tells how far it had come.
        shutil.rmtree(self.journal)
        self.journal.mkdir(mode=0o700)
        (self.tax.folder / "witness/own.cosigned").unlink()
        remembered = self.world.federation.folder / "remembered"
        run("vouch", "partner", "remembered", "tax.example", "--node", self.aid.folder,
            "--output", remembered)
        lines = remembered.read_text().splitlines()
        mark = self.tax.folder / "keys/ledger.high-water"
        size = int(mark.read_text().splitlines()[1])
        self.assertEqual(int(lines[1]), size)
        self.aid.stop()
        mark.unlink()
        self.assertIn("nothing is lost", run(
            "vouch", "ledger", "declare-loss", "--node", self.tax.folder, "--yes",
            accept=(1,)).stderr)
        done = run("vouch", "ledger", "declare-loss", "--node", self.tax.folder, "--yes", "--json",
                   "--checkpoint", remembered)
        facts = json.loads(done.stdout)
        self.assertEqual((facts["lost"]["entries"], facts["restored"]["entries"]), (size, 0))
        self.aid.start()
        self.tax.start()
        run("vouch", *self.accept, "--yes")
        own = self.tax.folder / "witness/own.cosigned"
        wait_until("aid.example to cosign the new log",
                   lambda: own.exists() and ".2" in own.read_text().splitlines()[0], 30)


class SameRefusals(unittest.TestCase):
    """After a loss too, whether a call is refused depends on the requester's own calls alone: one
    script against records that hold the people asked about, and against others."""

    def play(self, first, victims=None):
        template = (income_template().limit("times_asked", 9, "1 day")
                    .limit("different_values", 2, "agreement"))
        world = World(template, people=40, first=first, start=False)
        self.addCleanup(world.close)
        victims = victims or world.filers()[:8]
        outcomes = []

        def ask(victim, value, ahead=0, **changed):
            request = world.agreement.request(
                world.agreement.tokens({**victims[victim], **changed}), VALUES[value],
                request_id=wire.uuid7(time.time() + ahead))
            try:
                response = client.verify(request)
                outcomes.append((None, wire.ANSWERS[response.answered.answer]))
            except wire.Refusal as refusal:
                # It says up to when charges are missing, which is the same for everybody.
                outcomes.append((TIME.sub("T", str(refusal.key())), None))

        journal = world.tax.folder / "journal"
        for part in range(2):
            world.tax.start()
            world.tax.wait_ready(world.agreement)
            client = world.aid.client(world.tax)
            for victim in range(4):
                ask(victim, part)
            ask(5, part, given_name="Somebody")
            client.close()
            world.tax.stop()
            if part == 0:
                shutil.copytree(journal, world.federation.folder / "older")
        shutil.rmtree(journal)
        shutil.copytree(world.federation.folder / "older", journal)
        run("vouch", "ledger", "declare-loss", "--node", world.tax.folder, "--yes")
        for days in (0, DAYS_LATER):
            ahead = datetime.timedelta(days=days).total_seconds()
            offset = world.federation.folder / "clock"
            offset.write_text(str(int(ahead)))
            world.tax.start(environment=clock_environment(offset))
            world.tax.wait_ready(world.agreement)
            client = world.aid.client(world.tax)
            for victim in range(8):
                for value in (0, 1, 2, 0):
                    ask(victim, value, ahead)
                ask(victim, 0, ahead, family_name="Elsewhere")
            client.close()
            world.tax.stop()
        return victims, outcomes

    def test_whoever_is_there(self):
        victims, there = self.play(first=0)
        _, others = self.play(first=100000, victims=victims)
        self.assertEqual([refusal for refusal, _ in there], [refusal for refusal, _ in others])
        answers = [answer for _, answer in there if answer]
        self.assertTrue({"YES", "NO"} & set(answers), answers)
        # All were refused at first; later those whose value the journal still held were not.
        after = there[10:]
        self.assertTrue(all(refusal for refusal, _ in after[:40]))
        self.assertEqual(sum(1 for refusal, _ in after[40:] if not refusal), 8)


if __name__ == "__main__":
    main()
