"""What `vouch agreement status` says of two nodes that run, and what the metrics say with it."""

import json
import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))

from templates import day  # noqa: E402
from world import World, income_template, main, run, wait_until  # noqa: E402


class AgreementStatus(unittest.TestCase):
    def world(self, template=None):
        world = World(template, people=20)
        self.addCleanup(world.close)
        world.aid.start()
        world.aid.set_partner("tax.example", address=world.tax.address)
        world.tax.set_partner("aid.example", address=world.aid.address)
        return world

    def status(self, node, *more):
        done = run("vouch", "agreement", "status", "--node", node.folder, "--json", *more,
                   accept=(0, 1))
        return done.returncode, json.loads(done.stdout)

    def says(self, status, about):
        return [(one["weight"], one["text"]) for one in status["agreements"][0]["says"]
                if one["about"] == about]

    def test_both_sides_compare_what_they_hold(self):
        world = self.world()
        for node, other in ((world.tax, world.aid), (world.aid, world.tax)):
            code, status = self.status(node)
            self.assertEqual((code, status["agreements"][0]["state"]), (0, "in_force"), status)
            self.assertEqual(self.says(status, f"at {other.agency}"),
                             [("fine", "in force, same digest")])
        text = run("vouch", "agreement", "status", "--node", world.tax.folder).stdout
        self.assertIn(f"{world.agreement.id} revision 1: in force", text)
        self.assertIn(f"at {world.aid.agency}: in force, same digest", text)

    def test_a_partner_that_does_not_answer_is_no_problem_of_ours(self):
        world = self.world()
        world.aid.stop()
        code, status = self.status(world.tax, "--timeout-seconds", "2")
        self.assertEqual(code, 0, status)
        [(weight, text)] = self.says(status, "at aid.example")
        self.assertEqual(weight, "soon")
        self.assertIn("could not be asked", text)
        self.assertEqual(self.says(self.status(world.tax, "--offline")[1], "at aid.example"), [])

    def test_a_rejected_file_is_shown_with_why(self):
        world = self.world()
        good = world.tax.folder / "agreements" / world.agreement.name / "agreement.yaml"
        (good.parent.parent / "draft.yaml").write_text(
            world.agreement.text.replace("purposes:", "purpose:"), encoding="utf-8")
        world.tax.reload()

        def rejected():
            code, status = self.status(world.tax)
            return code == 1 and [one for one in status["findings"] if one["file"] == "draft.yaml"]

        finding = wait_until("the draft to be rejected", rejected)[0]
        self.assertGreater(finding["line"], 1)
        self.assertIn("purposes", finding["mend"])
        # What was in force stays so.
        _, status = self.status(world.tax)
        self.assertEqual([one["state"] for one in status["agreements"]], ["in_force"])
        metrics = world.tax.metrics()
        self.assertRegex(metrics, r'what="agreement_files_rejected"\} 1')
        self.assertRegex(metrics, r'vouch_agreement_days_left\{[^}]*state="in_force"[^}]*\} 30[01]')

        (good.parent.parent / "draft.yaml").unlink()
        wait_until("nothing to be rejected", lambda: self.status(world.tax)[0] == 0)
        wait_until("the metrics to follow", lambda: re.search(
            r'what="agreement_files_rejected"\} 0', world.tax.metrics()))

    def test_what_is_kept_of_a_spoilt_file_is_said_to_be_kept(self):
        world = self.world()
        path = world.tax.folder / "agreements" / world.agreement.name / "agreement.yaml"
        path.write_text(world.agreement.text.replace("questions:", "question:"), encoding="utf-8")
        world.tax.reload()
        wait_until("the file to be rejected", lambda: self.status(world.tax)[1]["findings"])
        code, status = self.status(world.tax)
        self.assertEqual(code, 1)
        self.assertEqual([(one["id"], one["state"]) for one in status["kept_from_before"]],
                         [(world.agreement.id, "in_force")])

    def test_the_days_to_act_on_are_a_calendar(self):
        template = income_template().dates(day(-300), day(20))
        world = self.world(template)
        code, status = self.status(world.tax)
        self.assertEqual(code, 1)
        [(weight, text)] = self.says(status, "expiry")
        self.assertEqual(weight, "problem")
        self.assertRegex(text, "^2[01] days left")
        path = world.federation.folder / "days.ics"
        run("vouch", "agreement", "status", "--node", world.tax.folder, "--ics", path, "--offline",
            accept=(1,))
        text = path.read_bytes().decode()
        self.assertEqual(re.findall(r"DTSTART;VALUE=DATE:(\d+)", text),
                         [day(20).replace("-", "")])
        self.assertTrue(text.endswith("END:VCALENDAR\r\n"))
        self.assertNotIn("\n", text.replace("\r\n", ""))


if __name__ == "__main__":
    main()
