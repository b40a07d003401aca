"""Signatures, stops and reloads of agreements, at nodes that run and are asked all the while."""

import copy
import datetime
import hashlib
import json
import pathlib
import random
import re
import shutil
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))

from authority import revocation_list  # noqa: E402
from templates import day  # noqa: E402
from world import (World, clock_environment, income_template, main, run, wait_until,  # noqa: E402
                   wire)

IN_FORCE, UNSIGNED, STOPPED = 3, 1, 6
ANSWERS = ("YES", "NO", "UNDETERMINED")


def generous(template):
    for name in ("times_asked", "different_values", "new_people", "whole_agreement"):
        template.limit(name, 1000000, "30 days" if name == "times_asked" else
                       "agreement" if name == "different_values" else "1 day")
    return template


def reason(outcome):
    return outcome if outcome in ANSWERS else outcome.reason


def states(world, agreement):
    """{digest: state} as the tax agency lists them."""
    return {one.digest: one.state
            for one in world.client.list_agreements(agreement.id).agreements}


def revised(text, revision, digest):
    for pattern, new in ((r"^  revision: .*", f"  revision: {revision}"),
                         (r"^  replaces: .*", f'  replaces: "{digest.hex()}"'),
                         (r"^  title: .*", f'  title: "Revision {revision}"')):
        text = re.sub(pattern, new, text, count=1, flags=re.M)
    return text


def in_pieces(path, contents, pieces=6):
    """Writes as the worst editor would: over the old file, bit by bit."""
    contents = contents.encode() if isinstance(contents, str) else contents
    step = max(1, len(contents) // pieces)
    with open(path, "wb") as file:
        for at in range(0, len(contents), step):
            file.write(contents[at:at + step])
            file.flush()
            time.sleep(0.25)


class UnderLoad(unittest.TestCase):
    """One agreement is left alone and must never be refused; another is changed in every way."""

    def setUp(self):
        self.world = World(generous(income_template()), people=200)
        self.addCleanup(self.world.close)
        self.people = self.world.filers()[:20]
        self.tokens = [self.world.agreement.tokens(person) for person in self.people]
        self.outcomes, self.stopping = [], threading.Event()
        self.addCleanup(self.stopping.set)
        self.other = None       # the changing agreement, as it is asked about just now
        self.seen = []          # (digest asked with, outcome)
        self.threads = [threading.Thread(target=one, daemon=True)
                        for one in (self.ask_steadily, self.ask_other)]
        for thread in self.threads:
            thread.start()

    def ask_steadily(self):
        client, chance = self.world.aid.client(self.world.tax), random.Random(1)
        while not self.stopping.is_set():
            self.outcomes.append(reason(self.world.ask(chance.choice(self.tokens), client=client)))
            time.sleep(0.002)
        client.close()

    def ask_other(self):
        client = self.world.aid.client(self.world.tax)
        while not self.stopping.is_set():
            other = self.other
            if other is not None:
                self.seen.append((other[0].digest, self.ask(other, client)))
            time.sleep(0.01)
        client.close()

    def ask(self, other, client=None):
        agreement, tokens = other
        try:
            response = (client or self.world.client).verify(
                agreement.request(tokens, {"household_size": 1, "region": "contiguous"}))
        except wire.Refusal as refusal:
            return refusal.reason
        return wire.ANSWERS[response.answered.answer]

    def since(self, mark):
        return {outcome for _, outcome in self.seen[mark:]}

    def standing(self):
        return json.loads((self.world.tax.folder / "run/agreements.json").read_text())

    def test_every_change_leaves_one_whole_valid_set(self):
        world, tax = self.world, self.world.tax
        template = generous(income_template()).id("second-2027")
        second = world.federation.agree(template.agreement, world.facts, world.aid, tax, "second")
        home = tax.folder / "agreements/second"
        first = {path.name: path.read_bytes() for path in home.iterdir()}
        signatures = [name for name in first if name.endswith(".p7s")]
        shutil.rmtree(home)
        wait_until("the second agreement to be unknown",
                   lambda: not states(world, second), 30)
        tokens = second.tokens(self.people[0])

        # Added, in pieces: nothing is answered before the last byte of the last signature is there.
        self.other = (second, tokens)
        mark = len(self.seen)
        home.mkdir()
        for name in ("facts.yaml", "agreement.yaml", *signatures[:-1]):
            in_pieces(home / name, first[name])
        wait_until("it to be listed", lambda: states(world, second) == {second.digest: UNSIGNED})
        time.sleep(1.5)
        self.assertEqual(self.since(mark), {"NOT_PERMITTED"})
        self.assertIn("has not signed", json.dumps(self.standing()))
        in_pieces(home / signatures[-1], first[signatures[-1]])
        wait_until("the second agreement to be in force",
                   lambda: states(world, second) == {second.digest: IN_FORCE}, 60)
        self.assertIn(self.ask(self.other), ANSWERS)

        # A new revision, over the old files and in pieces: the old one answers until the new one is
        # whole and signed, and from then on the new one alone.
        text = revised(second.text, 2, second.digest)
        third = copy.copy(second)
        third.text, third.digest = text, hashlib.sha256(text.encode()).digest()
        fresh = world.federation.sign(text, world.facts, world.aid, tax)
        mark = len(self.seen)
        in_pieces(home / "agreement.yaml", text)
        time.sleep(1.5)
        for name, contents in fresh.items():
            in_pieces(home / name, contents)
        wait_until("revision 2 to be in force",
                   lambda: states(world, second) == {third.digest: IN_FORCE}, 60)
        self.other = (third, tokens)
        self.assertLessEqual(self.since(mark), {*ANSWERS, "AGREEMENT_MISMATCH"})
        self.assertIn(self.ask(self.other), ANSWERS)

        # Renamed: nobody notices.
        mark = len(self.seen)
        for name in ("moved", "moved-again", "third"):
            home.rename(home.with_name(name))
            home = home.with_name(name)
            tax.reload()
            time.sleep(0.7)
        self.assertLessEqual(self.since(mark), set(ANSWERS))
        wait_until("the new name to be known", lambda: any(
            one["file"] == "third/agreement.yaml" for one in self.standing()["held"]))

        # Broken: what was good goes on, and the rejected file is seen everywhere.
        mark = len(self.seen)
        (home / "agreement.yaml").write_text(text.replace("questions:", "question:"))
        wait_until("the metrics to say so", lambda: re.search(
            r'what="agreement_files_rejected"\} 1', tax.metrics()))
        rejected = [one for one in self.standing()["findings"]
                    if one["file"] == "third/agreement.yaml"]
        self.assertTrue(rejected and rejected[0]["line"] > 1, rejected)
        self.assertIn("third/agreement.yaml", tax.log.read_text(errors="replace"))
        self.assertIn(self.ask(self.other), ANSWERS)
        # A signature cut short is such a file too.
        in_pieces(home / "agreement.yaml", text)
        name = next(iter(fresh))
        (home / name).write_text(fresh[name][:300])
        wait_until("the damage to be said", lambda: "signature/damaged" in json.dumps(
            self.standing()))
        (home / name).write_text(fresh[name])
        wait_until("all to be well", lambda: not self.standing()["findings"])
        self.assertLessEqual(self.since(mark), set(ANSWERS))

        # A rollback, signed once by all: refused, and revision 2 answers on.
        mark = len(self.seen)
        back = home.with_name("rollback")
        back.mkdir()
        for name, contents in first.items():
            (back / name).write_bytes(contents)
        wait_until("the rollback to be refused", lambda: any(
            one["file"] == "rollback/agreement.yaml" for one in self.standing()["findings"]))
        self.assertLessEqual(self.since(mark), set(ANSWERS))
        shutil.rmtree(back)

        # Deleted: it lingers nowhere.
        shutil.rmtree(home)
        wait_until("it to be gone", lambda: not states(world, second))
        mark = len(self.seen)
        time.sleep(1)
        self.assertEqual(self.since(mark + 1), {"NOT_PERMITTED"})
        wait_until("the metrics to forget it", lambda: "second-2027" not in tax.metrics())
        self.assertNotIn("second-2027", json.dumps(self.standing()["held"]))

        self.stopping.set()
        for thread in self.threads:
            thread.join(30)
        tax.process.must_run()
        self.assertLessEqual(set(self.outcomes), set(ANSWERS))
        self.assertGreater(len(self.outcomes), 1000)
        print(f"answered {len(self.outcomes)} under the agreement left alone", flush=True)


class Expiry(unittest.TestCase):
    def test_expiry_wins_over_the_last_good_revision(self):
        template = generous(income_template()).dates(day(-30), day(0))
        template.replace(r'time_zone: "[^"]+"', 'time_zone: "UTC"')
        world = World(template, people=60, start=False)
        self.addCleanup(world.close)
        # The node's clock stands shortly before the end of the agreement's last day.
        midnight = datetime.datetime.fromisoformat(day(1)).replace(tzinfo=datetime.timezone.utc)
        ahead = int(midnight.timestamp() - time.time()) - 25
        offset = world.federation.folder / "clock"
        offset.write_text(str(ahead))
        world.tax.start(environment=clock_environment(offset))
        world.tax.wait_ready(world.agreement)
        world.client = world.aid.client(world.tax)
        path = world.tax.folder / "agreements" / world.agreement.name / "agreement.yaml"
        path.write_text("format: \"vouch-agreement/1\"\nbroken: [")
        world.tax.reload()
        tokens = world.agreement.tokens(world.filers()[0])

        def ask():
            return reason(world.ask(tokens, request_id=wire.uuid7(time.time() + ahead)))

        self.assertIn(ask(), ANSWERS)
        wait_until("the last day to end", lambda: ask() == "AGREEMENT_NOT_IN_FORCE", 60)
        self.assertGreaterEqual(time.time() + ahead, midnight.timestamp() - 1)


class Stopping(unittest.TestCase):
    def notice(self, world, node, path, *more):
        run("vouch", "agreement", "stop", world.agreement.id, "--agency", node.agency, "--reason",
            "The programme ended.", "--key", node.folder / "signing/officer.key", "--certificate",
            node.folder / "signing/officer.pem", "--output", path, *more)

    def test_either_party_alone_stops_at_both_and_only_it_lifts(self):
        world = World(generous(income_template()), people=60)
        self.addCleanup(world.close)
        tokens = world.agreement.tokens(world.filers()[0])
        folder = world.tax.folder / "agreements"
        self.assertIn(reason(world.ask(tokens)), ANSWERS)
        request = world.agreement.request(tokens, {"household_size": 1, "region": "contiguous"})
        world.client.verify(request)

        self.notice(world, world.aid, folder / "aid.stop.p7s")
        wait_until("the agreement to be stopped",
                   lambda: reason(world.ask(tokens)) == "NOT_PERMITTED")
        self.assertEqual(states(world, world.agreement), {world.agreement.digest: STOPPED})
        # Not even an answer given before is given again.
        with self.assertRaises(wire.Refusal) as again:
            world.client.verify(request)
        self.assertEqual(again.exception.reason, "NOT_PERMITTED")
        status = run("vouch", "agreement", "status", "--node", world.tax.folder, "--offline",
                     accept=(0, 1)).stdout
        self.assertIn("stopped by aid.example", status)

        # Removing the file lifts nothing, nor does a restart, nor the other party.
        (folder / "aid.stop.p7s").unlink()
        self.notice(world, world.tax, folder / "tax.lift.p7s", "--lift")
        time.sleep(2)
        self.assertEqual(reason(world.ask(tokens)), "NOT_PERMITTED")
        world.tax.stop()
        world.tax.start()
        world.client = world.aid.client(world.tax)
        self.assertEqual(reason(world.ask(tokens)), "NOT_PERMITTED")

        time.sleep(1.1)
        self.notice(world, world.aid, folder / "aid.lift.p7s", "--lift")
        wait_until("the stop to be lifted", lambda: reason(world.ask(tokens)) in ANSWERS)


class Signing(unittest.TestCase):
    def test_a_revoked_officer_signs_nothing_and_what_was_adopted_stays(self):
        world = World(generous(income_template()), people=60)
        self.addCleanup(world.close)
        tokens = world.agreement.tokens(world.filers()[0])
        lists = world.tax.folder / "partners/aid.example/revocations.pem"
        revocation_list(world.aid, [world.aid.folder / "signing/officer.pem"], lists)
        path = world.tax.folder / "node.yaml"
        text = path.read_text()
        anchors = '      anchors: "partners/aid.example/signing.pem"\n'
        self.assertIn(anchors, text)
        path.write_text(text.replace(
            anchors, anchors + '      revocations: "partners/aid.example/revocations.pem"\n'))
        world.tax.reload()
        time.sleep(2)
        self.assertIn(reason(world.ask(tokens)), ANSWERS)
        agreement = world.agreement
        revision = revised(agreement.text, 2, agreement.digest)
        world.federation.place("next", revision, world.facts, world.tax)
        digest = hashlib.sha256(revision.encode()).digest()
        wait_until("the next revision to be listed",
                   lambda: states(world, agreement).get(digest) == UNSIGNED)
        self.assertIn("is revoked", (world.tax.folder / "run/agreements.json").read_text())
        self.assertIn(reason(world.ask(tokens)), ANSWERS)
        done = run("vouch", "agreement", "verify", world.tax.folder / "agreements/next/agreement.yaml",
                   "--node", world.tax.folder, accept=(1,))
        self.assertIn("is revoked", done.stdout)


if __name__ == "__main__":
    main()
