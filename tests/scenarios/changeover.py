"""A revision that takes effect while questions are asked: under load, on real nodes."""

import datetime
import json
import os
import pathlib
import re
import sys
import threading
import time
import unittest
from unittest import mock

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))

import wire  # noqa: E402
from federation import Agreement  # noqa: E402
from world import (VALUES, World, clock_environment, income_template, main, run,  # noqa: E402
                   wait_until)

IN_FORCE, CHANGEOVER, WAITING, EXPIRED = 3, 4, 2, 5
BEFORE, AFTER = 14, 4  # seconds of load on either side of the moment


class Changeover(unittest.TestCase):
    """The answering node's clock is moved to shortly before the next full hour of UTC, at which some
    time zone of the world begins its day; revision 2 takes effect on that day."""

    def world(self, edit=lambda text: text, limit=1000000):
        now = datetime.datetime.now(datetime.timezone.utc)
        hour = now.replace(minute=0, second=0, microsecond=0) + datetime.timedelta(hours=1)
        west = hour.hour if hour.hour <= 12 else hour.hour - 24
        zone = f"Etc/GMT{west:+d}" if west else "Etc/UTC"
        first_day = (hour - datetime.timedelta(hours=west)).date().isoformat()
        template = income_template().kind("keyed-hash").limit(
            "times_asked", limit, "30 days").replace(
            r'time_zone: "[^"]+"', f'time_zone: "{zone}"')
        world = World(template, people=300, start=False)
        self.addCleanup(world.close)
        self.first = world.agreement
        text = self.first.text
        for pattern, new in ((r"^  revision: .*", "  revision: 2"),
                             (r"^  replaces: .*", f'  replaces: "{self.first.digest.hex()}"'),
                             (r"^  effective: .*", f'  effective: "{first_day}"')):
            text = re.sub(pattern, new, text, count=1, flags=re.M)
        world.federation.place("second", edit(text), world.facts, world.aid, world.tax)
        self.second = Agreement("second", self.first.id, world.aid, world.tax)
        # The node's clock is ahead by a fixed span: it is never seen to jump.
        offset = world.federation.folder / "clock"
        ahead = (hour - datetime.datetime.now(datetime.timezone.utc)).total_seconds() - BEFORE
        offset.write_text(str(max(int(ahead), 0)))
        self.moment = time.time() + (hour - datetime.datetime.now(
            datetime.timezone.utc)).total_seconds() - max(int(ahead), 0)
        self.ahead = max(int(ahead), 0)
        world.tax.start(environment=clock_environment(offset))
        world.tax.wait_ready(self.first)
        world.client = world.aid.client(world.tax)
        return world

    def ask(self, world, agreement, tokens, client=None):
        try:
            response = (client or world.client).verify(agreement.request(tokens, VALUES[0]))
        except wire.Refusal as refusal:
            return refusal.reason
        return wire.ANSWERS[response.answered.answer]

    def load(self, world, agreements):
        """Asks under each agreement from before the moment until after it: [(seconds from the
        moment at which it was sent, outcome)] for each."""
        people = [self.first.tokens(person) for person in world.filers()[:40]]
        outcomes = [[] for _ in agreements]

        def keep_asking(which):
            client = world.aid.client(world.tax)
            turn = 0
            while time.time() < self.moment + AFTER:
                sent = time.time() - self.moment
                outcome = self.ask(world, agreements[which](sent), people[turn % 40], client)
                outcomes[which].append((sent, outcome))
                turn += 1
                time.sleep(0.001)  # three threads share the machine with the nodes
            client.close()

        threads = [threading.Thread(target=keep_asking, args=(which,), daemon=True)
                   for which in range(len(agreements))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        self.assertLess(outcomes[0][0][0], -1, "the load began too late")
        return outcomes

    def states(self, world):
        return {one.revision: one.state
                for one in world.client.list_agreements(self.first.id).agreements}

    def test_no_second_of_refused_service(self):
        world = self.world()
        self.assertEqual(self.states(world), {1: IN_FORCE, 2: WAITING})
        # One asker keeps to the old file, one changes a second after the moment, one never waits.
        old, changing, new = self.load(world, [
            lambda sent: self.first,
            lambda sent: self.first if sent < 1 else self.second,
            lambda sent: self.second])
        for outcomes in (old, changing):
            refused = [one for one in outcomes if one[1] not in ("YES", "NO")]
            self.assertEqual(refused, [])
            self.assertGreater(sum(sent > 1 for sent, _ in outcomes), 50)
        # The new file waits for its day, and from its first answer on is never refused again.
        first_answer = next(at for at, (_, outcome) in enumerate(new) if outcome in ("YES", "NO"))
        self.assertEqual({outcome for _, outcome in new[:first_answer]}, {"AGREEMENT_MISMATCH"})
        self.assertTrue(all(outcome in ("YES", "NO") for _, outcome in new[first_answer:]))
        self.assertGreater(new[first_answer][0], -1)
        self.assertLess(new[first_answer][0], 1)
        self.assertEqual(self.states(world), {1: CHANGEOVER, 2: IN_FORCE})
        print(f"answered {len(old) + len(changing)} without a refusal; the new revision from "
              f"{new[first_answer][0]:+.2f} s on", flush=True)

    def test_a_revision_that_narrows_ends_the_one_before_at_once(self):
        world = self.world(lambda text: text.replace("household_size: {from: 1, to: 12}",
                                                     "household_size: {from: 1, to: 11}"))
        old, new = self.load(world, [lambda sent: self.first, lambda sent: self.second])
        for outcomes, wanted in ((old, lambda sent: sent < 0), (new, lambda sent: sent > 0)):
            for sent, outcome in outcomes:
                if abs(sent) < 1:
                    continue  # the moment itself, and what was under way
                if wanted(sent):
                    self.assertIn(outcome, ("YES", "NO"), sent)
                else:
                    self.assertEqual(outcome, "AGREEMENT_MISMATCH", sent)
        self.assertEqual(self.states(world), {1: EXPIRED, 2: IN_FORCE})

    def test_charges_carry_over(self):
        world = self.world(limit=3)
        person = self.first.tokens(world.filers()[0])
        self.assertIn(self.ask(world, self.first, person), ("YES", "NO"))
        wait_until("revision 2 to take effect", lambda: self.states(world)[2] == IN_FORCE, 40)
        self.assertIn(self.ask(world, self.first, person), ("YES", "NO"))
        self.assertIn(self.ask(world, self.second, person), ("YES", "NO"))
        for agreement in (self.first, self.second):
            self.assertEqual(self.ask(world, agreement, person), "PERSON_LIMIT")

    def test_clocks_a_minute_apart_refuse_nobody(self):
        world = self.world()
        world.aid.set_partner("tax.example", address=world.tax.address)
        person = world.filers()[0]
        identity = {name: person[name] for name in ("social_security_number", "date_of_birth",
                                                    "given_name", "family_name", "postal_code")}
        clock = world.federation.folder / "asker-clock"

        def ask(seconds):
            """`vouch ask` at an asker whose clock is that much ahead of the answering node's."""
            clock.write_text(str(self.ahead + seconds))
            with mock.patch.dict(os.environ, clock_environment(clock)):
                done = run("vouch", "ask", "--node", world.aid.folder, "--agreement", self.first.id,
                           "--question", self.first.questions[0], "--purpose", self.first.purpose,
                           "--parameter", "household_size=1", "--parameter", "region=contiguous",
                           "--json", stdin=json.dumps(identity), accept=(0, 1))
            return json.loads(done.stdout).get("answer", done.stdout)

        self.assertIn(ask(60), ("YES", "NO"))
        self.assertLess(time.time(), self.moment, "the moment came before the question")
        wait_until("the moment", lambda: time.time() > self.moment + 1, 60)
        for seconds in (-60, 0, 60):
            self.assertIn(ask(seconds), ("YES", "NO"), seconds)


if __name__ == "__main__":
    main()
