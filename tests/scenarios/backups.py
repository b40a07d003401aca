"""A journal backed up beside its node, lost, and put back: what was answered stays answered."""

import json
import pathlib
import shutil
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))

import wire  # noqa: E402
from recovery import Load  # noqa: E402
from world import VALUES, World, main, run  # noqa: E402


class Backups(unittest.TestCase):
    def setUp(self):
        self.world = World(people=400)
        self.addCleanup(self.world.close)
        self.tax = self.world.tax
        self.journal = self.tax.folder / "journal"

    def back_up(self, name):
        folder = self.world.federation.folder / name
        facts = json.loads(run("vouch", "ledger", "backup", "--node", self.tax.folder, "--output",
                               folder, "--json").stdout)
        return folder, facts

    def lose(self):
        shutil.rmtree(self.journal)
        self.journal.mkdir(mode=0o700)

    def test_what_was_answered_is_answered_and_charged_once(self):
        world = self.world
        requests = [world.agreement.request(world.agreement.tokens(person), VALUES[0])
                    for person in world.filers()[:30]]
        answers = [world.client.verify(request) for request in requests]
        world.client.close()
        self.tax.stop()
        folder, facts = self.back_up("backup")
        before = facts["entries"]
        self.assertGreaterEqual(before, 30)
        self.lose()
        done = run("vouch", "ledger", "restore", folder, "--node", self.tax.folder)
        self.assertIn(f"{before} entries", done.stdout)
        self.tax.start()
        self.tax.wait_ready(world.agreement)
        client = world.aid.client(self.tax)
        self.addCleanup(client.close)
        for request, answer in zip(requests, answers):
            again = client.verify(request)
            self.assertEqual(wire.said(again), wire.said(answer))
            self.assertEqual(again.answered.receipt.index, answer.answered.receipt.index)
        # Charges too: one of four is gone for each.
        tokens = world.agreement.tokens(world.filers()[0])
        outcomes = [world.ask(tokens, client=client) for _ in range(4)]
        self.assertEqual([getattr(one, "reason", None) for one in outcomes],
                         [None, None, None, "PERSON_LIMIT"])
        checked = run("vouch", "ledger", "export", "--node", self.tax.folder, "--output",
                      world.federation.folder / "export", "--json")
        self.assertGreater(json.loads(checked.stdout)["entries"], before)

    def test_a_backup_made_under_load_is_whole_and_not_put_back_over_what_was_signed(self):
        load = Load(self.world, self.world.filers()[:300])
        load.start()
        folders = [self.back_up(f"backup-{i}") for i in range(3)]
        load.stop()
        self.assertEqual(load.other, [])
        sizes = [facts["entries"] for _, facts in folders]
        self.assertEqual(sizes, sorted(sizes))
        self.tax.stop()
        refused = run("vouch", "ledger", "restore", folders[0][0], "--node", self.tax.folder,
                      accept=(1,))
        self.assertIn("does not reach it", refused.stderr)
        self.assertIn("does not reach it", refused.stderr)
        # Whoever takes the mark away has nothing that shows it, and is told so.
        (self.tax.folder / "keys/ledger.high-water").unlink()
        self.lose()
        done = run("vouch", "ledger", "restore", folders[1][0], "--node", self.tax.folder)
        self.assertIn("nothing shows that this is the latest journal", done.stderr)
        self.assertIn("start once with vouchd --without-high-water", done.stderr)
        self.tax.start(options=["--without-high-water"])
        self.tax.wait_ready(self.world.agreement)


if __name__ == "__main__":
    main()
