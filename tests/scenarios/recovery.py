"""What a node keeps through kill -9 under load, a full disk, clock steps and reloads under load."""

import os
import pathlib
import pty
import random
import re
import resource
import signal
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))

from world import (PROGRAMS, VALUES, World, clock_environment, income_template,  # noqa: E402
                   main, run, wait_until, wire)

TIMES_ASKED = 4
THREADS = 6


class Load:
    """Threads that ask about people, each person TIMES_ASKED times with ids of its own, until
    stopped. Keeps for every request what was sent and, once it came, what was answered."""

    def __init__(self, world, people):
        self.world = world
        self.requests = [
            (number, world.agreement.request(tokens, VALUES[number % 2]))
            for tokens in [world.agreement.tokens(person) for person in people]
            for number in range(TIMES_ASKED)]
        self.answers = [None] * len(self.requests)
        self.sent = [False] * len(self.requests)
        self.other = []  # refusals besides a lost connection
        self.next, self.lock, self.stopping = 0, threading.Lock(), False

    def _run(self):
        client = self.world.aid.client(self.world.tax)
        while not self.stopping:
            with self.lock:
                if self.next == len(self.requests):
                    break
                at = self.next
                self.next += 1
                self.sent[at] = True
            try:
                self.answers[at] = client.verify(self.requests[at][1], timeout=5)
            except wire.Refusal as refusal:
                if refusal.reason != "TRANSPORT":
                    self.other.append(refusal)
                elif not self.stopping:
                    time.sleep(0.02)
        client.close()

    def start(self):
        self.stopping = False
        self.threads = [threading.Thread(target=self._run, daemon=True) for _ in range(THREADS)]
        for thread in self.threads:
            thread.start()

    def stop(self):
        self.stopping = True
        for thread in self.threads:
            thread.join(30)


class KillMinusNine(unittest.TestCase):
    KILLS = 5

    def test_every_released_answer_is_kept_and_charged_once(self):
        world = World(people=1500)
        self.addCleanup(world.close)
        people = world.filers()[:900]
        load = Load(world, people)
        chance = random.Random(11)
        for _ in range(self.KILLS):
            load.start()
            time.sleep(chance.uniform(0.05, 0.5))
            os.kill(world.tax.process.popen.pid, signal.SIGKILL)
            world.tax.kill()
            load.stop()
            world.tax.start()
            world.tax.wait_ready(world.agreement)
        self.assertEqual(load.other, [])
        released = sum(answer is not None for answer in load.answers)
        lost = sum(load.sent) - released
        self.assertGreater(released, 100, "too little load to prove anything")

        client = world.aid.client(world.tax)
        self.addCleanup(client.close)
        entries = {}
        for (_, request), sent, answer in zip(load.requests, load.sent, load.answers):
            if not sent:
                continue
            # Whether or not an answer came, the same id gets one, and the same one every time.
            again = client.verify(request)
            if answer is not None:
                self.assertEqual(wire.said(again), wire.said(answer))
            self.assertEqual(wire.said(client.verify(request)), wire.said(again))
            # Its own place in the ledger.
            receipt = again.answered.receipt
            self.assertNotIn(receipt.index, entries)
            entries[receipt.index] = receipt.entry
        wait_until("the figures to include them",
                   lambda: max(entries) < world.tax.gauge("ledger_entries"), 30)
        self.assertEqual(len(set(entries.values())), len(entries))

        # Charged once each, retries and lost answers included: the rest of the four is still there,
        # and no more.
        by_person = {}
        for (number, request), sent in zip(load.requests, load.sent):
            tokens = request.subject.tokens
            by_person.setdefault(tokens, []).append(sent)
        checked = 0
        for tokens, sent in by_person.items():
            if checked == 150 or not any(sent):
                continue
            checked += 1
            split = [tokens[at:at + 32] for at in range(0, len(tokens), 32)]
            for _ in range(TIMES_ASKED - sum(sent)):
                self.assertIn(world.ask(split, VALUES[0], client), ("YES", "NO", "UNDETERMINED"))
            outcome = world.ask(split, VALUES[0], client)
            self.assertEqual(getattr(outcome, "reason", outcome), "PERSON_LIMIT")
        print(f"released {released}, lost on the way {lost}, kills {self.KILLS}, "
              f"people whose charges were counted {checked}", flush=True)


class FullDisk(unittest.TestCase):
    def test_no_entry_no_answer_and_no_charge_then_it_goes_on(self):
        world = World(people=100)
        self.addCleanup(world.close)
        tokens = world.agreement.tokens(world.filers()[0])
        pid = world.tax.process.popen.pid
        request = world.agreement.request(tokens, VALUES[0])
        unlimited = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        # No file of the node's may grow: what write() says then is what a full disk says.
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, unlimited[1]))
        for _ in range(TIMES_ASKED + 2):
            with self.assertRaises(wire.Refusal) as refused:
                world.client.verify(request)
            self.assertEqual((refused.exception.code, refused.exception.reason),
                             ("UNAVAILABLE", "LEDGER_UNAVAILABLE"))
        resource.prlimit(pid, resource.RLIMIT_FSIZE, unlimited)
        first = world.client.verify(request)
        self.assertEqual(wire.said(world.client.verify(request)), wire.said(first))
        outcomes = [world.ask(tokens) for _ in range(TIMES_ASKED)]
        self.assertEqual([getattr(o, "reason", "answered") for o in outcomes],
                         ["answered"] * (TIMES_ASKED - 1) + ["PERSON_LIMIT"])
        self.assertTrue(world.tax.process.running())


class ClockSteps(unittest.TestCase):
    """The node's own wall clock, moved while it runs."""

    def setUp(self):
        self.world = World(people=100, start=False)
        self.addCleanup(self.world.close)
        self.offset = self.world.federation.folder / "clock"
        self.offset.write_text("0")
        self.world.tax.start(environment=clock_environment(self.offset))
        self.world.tax.wait_ready(self.world.agreement)
        self.world.client = self.world.aid.client(self.world.tax)
        self.addCleanup(self.world.client.close)
        self.tokens = [self.world.agreement.tokens(person) for person in self.world.filers()[:9]]

    def step(self, seconds):
        fresh = self.offset.with_suffix(".new")
        fresh.write_text(str(seconds))
        fresh.rename(self.offset)
        time.sleep(0.3)

    def at_terminal(self, typed):
        """The command with somebody before a terminal, who types this. Its exit code."""
        ours, theirs = pty.openpty()
        try:
            with subprocess.Popen([PROGRAMS / "vouch", "ledger", "acknowledge-clock", "--node",
                                   self.world.tax.folder], stdin=theirs, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True) as command:
                os.write(ours, f"{typed}\n".encode())
                said, _ = command.communicate(timeout=30)
        finally:
            os.close(ours)
            os.close(theirs)
        self.assertRegex(said, "ran ahead by (3599|3600|3601) seconds")
        return command.returncode

    def at(self, seconds, person):
        """One question whose id is made by a clock that went along."""
        return self.world.ask(self.tokens[person],
                              request_id=wire.uuid7(time.time() + seconds))

    def test_a_leap_ahead_stops_answers_until_it_is_acknowledged(self):
        self.assertIn(self.at(0, 0), ("YES", "NO"))
        self.step(3600)
        outcome = self.at(3600, 1)
        self.assertEqual(getattr(outcome, "reason", outcome), "LEDGER_UNAVAILABLE")
        time.sleep(2.5)  # figures are taken every second or two
        entries = self.world.tax.gauge("ledger_entries")
        # A file that says nothing of this step does not count.
        stale = self.world.tax.folder / "run/acknowledge-clock"
        stale.touch(mode=0o600)
        wait_until("the file to be left aside", lambda: not stale.exists(), 30)
        outcome = self.at(3600, 1)
        self.assertEqual(getattr(outcome, "reason", outcome), "LEDGER_UNAVAILABLE")
        # Nobody there to confirm it; then somebody at a terminal who does not, and who does.
        run("vouch", "ledger", "acknowledge-clock", "--node", self.world.tax.folder, accept=(2,))
        self.assertEqual(self.at_terminal("no"), 1)
        outcome = self.at(3600, 1)
        self.assertEqual(getattr(outcome, "reason", outcome), "LEDGER_UNAVAILABLE")
        self.assertEqual(self.at_terminal("yes"), 0)
        self.assertIn(self.at(3600, 1), ("YES", "NO"))
        wait_until("its entry and the answer's",
                   lambda: self.world.tax.gauge("ledger_entries") >= entries + 2, 30)

    def test_a_leap_that_is_taken_back_leaves_nothing_behind(self):
        # A count whose minute is over after the leap is what the node itself would commit then.
        refused = self.world.ask(self.tokens[1][:-1])
        self.assertEqual(getattr(refused, "reason", refused), "MALFORMED")
        asked = wire.uuid7(time.time())
        answers = [self.world.ask(self.tokens[0], request_id=asked)]
        answers += [self.at(0, 0) for _ in range(TIMES_ASKED - 1)]
        self.assertEqual({answer in ("YES", "NO") for answer in answers}, {True}, answers)
        self.step(40 * 86400)
        outcome = self.at(40 * 86400, 1)
        self.assertEqual(getattr(outcome, "reason", outcome), "LEDGER_UNAVAILABLE")
        time.sleep(3)  # the node looks after keys and counts every second
        self.step(0)
        # No window has passed, and what was remembered still opens.
        outcome = self.at(0, 0)
        self.assertEqual(getattr(outcome, "reason", outcome), "PERSON_LIMIT")
        self.assertEqual(self.world.ask(self.tokens[0], request_id=asked), answers[0])
        self.assertIn(self.at(0, 1), ("YES", "NO"))

    def test_a_small_correction_stops_nothing(self):
        self.step(120)
        self.assertIn(self.at(120, 0), ("YES", "NO"))
        self.step(-120)
        self.assertIn(self.at(-120, 1), ("YES", "NO"))

    def test_a_step_back_gives_nobody_a_limit_anew(self):
        for _ in range(TIMES_ASKED):
            self.assertIn(self.at(0, 0), ("YES", "NO"))
        self.step(-1000)
        outcome = self.at(-1000, 0)
        self.assertEqual(getattr(outcome, "reason", outcome), "PERSON_LIMIT")
        self.assertIn(self.at(-1000, 1), ("YES", "NO"))
        # An id from the time before the step is now 1000 seconds ahead.
        outcome = self.at(0, 2)
        self.assertEqual(getattr(outcome, "reason", outcome), "BAD_REQUEST_ID")


class RevisedMatchKeys(unittest.TestCase):
    """A revision with other match keys under the same token epoch: its index is built while the node
    runs, and until then nobody may be told that they were not found."""

    def test_known_people_are_never_undetermined_while_the_index_is_built(self):
        world = World(people=30000)
        self.addCleanup(world.close)
        person = world.filers()[0]
        agreement = world.agreement
        self.assertIn(world.ask(agreement.tokens(person)), ("YES", "NO"))
        keys = re.findall(r"^    - \{key: .*\n", agreement.text, re.M)
        text = agreement.text.replace("".join(keys), "".join(reversed(keys)))
        self.assertNotEqual(text, agreement.text)
        for pattern, new in ((r"^  revision: .*", "  revision: 2"),
                             (r"^  replaces: .*", f'  replaces: "{agreement.digest.hex()}"')):
            text = re.sub(pattern, new, text, count=1, flags=re.M)
        world.federation.place(agreement.name, text, world.facts, world.aid, world.tax)
        agreement.reread()
        tokens = agreement.tokens(person)
        world.tax.reload()
        outcomes = []

        def answered():
            outcome = world.ask(tokens)
            outcomes.append(getattr(outcome, "reason", outcome))
            return outcomes[-1] in ("YES", "NO", "UNDETERMINED")

        wait_until("the revision to be answered", answered, 60)
        print(" ".join(sorted(set(outcomes))), flush=True)
        self.assertIn("NOT_READY", outcomes, "the index was there at once, and nothing was shown")
        self.assertNotIn("UNDETERMINED", outcomes)


class ReloadUnderLoad(unittest.TestCase):
    def test_every_call_is_answered_while_files_change(self):
        template = income_template().limit("times_asked", 1000, "30 days")
        world = World(template, people=300)
        self.addCleanup(world.close)
        people = world.filers()
        tokens = [world.agreement.tokens(person) for person in people[:50]]
        outcomes, stopping = [], threading.Event()
        self.addCleanup(stopping.set)

        def ask():
            client = world.aid.client(world.tax)
            chance = random.Random()
            while not stopping.is_set():
                outcomes.append(world.ask(chance.choice(tokens), client=client))
            client.close()

        threads = [threading.Thread(target=ask, daemon=True) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        broken = world.tax.folder / "agreements/broken"
        broken.mkdir()
        end = time.monotonic() + 6
        rounds = 0
        while time.monotonic() < end:
            # A file with errors, gone again; and new records while questions are under way.
            (broken / "agreement.yaml").write_text("format: \"vouch-agreement/1\"\nnonsense: 1\n")
            world.tax.reload()
            time.sleep(0.05)
            (broken / "agreement.yaml").unlink()
            world.tax.reload()
            if rounds % 8 == 0:
                world.tax.load(world.mapping, world.csv)
            rounds += 1
        stopping.set()
        for thread in threads:
            thread.join(30)
        world.tax.process.must_run()
        bad = [str(outcome) for outcome in outcomes if isinstance(outcome, wire.Refusal)]
        self.assertEqual(bad, [])
        self.assertGreater(len(outcomes), 200)
        print(f"answered {len(outcomes)} over {rounds} rounds of reloads", flush=True)


if __name__ == "__main__":
    main()
