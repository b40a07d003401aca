"""Questions about households, asked with `vouch ask` of a node that holds synthetic families."""

import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))

from templates import Template  # noqa: E402
from world import World, main, run, wire  # noqa: E402

ATTRIBUTES = ("social_security_number", "date_of_birth", "given_name", "family_name", "postal_code")
# 2026 guideline for the lower 48, in cents; the question is about 130 % of it.
FIRST_PERSON, EACH_MORE, PERCENT = 1596000, 568000, 130
SLOTS = 6


def person(row):
    return {name: row[name] for name in ATTRIBUTES if row[name]}


def small(income, size):
    return income * 100 <= (FIRST_PERSON + EACH_MORE * (size - 1)) * PERCENT


class Households(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        template = Template("household-income-for-snap", "aid.example", "tax.example")
        template.limit("times_asked", 2, "30 days").limit("different_values", 2, "agreement")
        cls.world = World(template=template, people=400)
        cls.addClassCleanup(cls.world.close)
        cls.connect()
        alone = {}
        for row in cls.world.people:
            alone.setdefault(row["social_security_number"], []).append(row)
        homes = {}
        for row in cls.world.people:
            if len(alone[row["social_security_number"]]) == 1:
                homes.setdefault(row["household_id"], []).append(row)
        filed = lambda row: bool(row["adjusted_gross_income"])
        cls.couples, cls.singles, cls.children = [], [], []
        for home in homes.values():
            joint = [row for row in home if filed(row) and row["filing_status"] == "married-joint"]
            if len(joint) == 2:
                cls.couples.append(joint)
            cls.singles += [row for row in home if filed(row)
                            and row["filing_status"] in ("single", "head-of-household")]
            cls.children += [row for row in home if not filed(row)]

    @classmethod
    def connect(cls):
        cls.world.aid.set_partner("tax.example", address=cls.world.tax.address)

    def ask(self, members, size, *more, accept=(0, 1)):
        """What `vouch ask --json` says about a household."""
        agreement = self.world.agreement
        done = run("vouch", "ask", "--node", self.world.aid.folder, "--agreement", agreement.id,
                   "--question", agreement.questions[0], "--purpose", agreement.purpose,
                   "--parameter", f"household_size={size}", "--parameter", "region=contiguous",
                   "--json", *more, stdin=json.dumps(members), accept=accept)
        for row in members if isinstance(members, list) else members["members"]:
            self.assertNotIn(row["social_security_number"], done.stdout + done.stderr)
        return json.loads(done.stdout)

    def expected(self, income, size):
        return "YES" if small(income, size) else "NO"

    def test_a_joint_return_counts_once(self):
        told = set()
        for couple in self.couples[:12]:
            income = int(couple[0]["adjusted_gross_income"])
            # A size at which counting the return twice would give the other answer, where there is.
            size = next((size for size in range(1, 13)
                         if small(income, size) and not small(2 * income, size)), 4)
            said = self.ask([person(row) for row in couple], size)
            self.assertEqual(said["answer"], self.expected(income, size))
            self.assertEqual(len(said["consents"]), 2)
            told.add(small(income, size) and not small(2 * income, size))
        self.assertIn(True, told, "no couple could have been counted twice")

    def test_two_returns_are_added_up(self):
        told = set()
        for one, other in zip(self.singles[0:16:2], self.singles[1:16:2]):
            incomes = [int(row["adjusted_gross_income"]) for row in (one, other)]
            size = next((size for size in range(1, 13)
                         if small(max(incomes), size) and not small(sum(incomes), size)), 4)
            said = self.ask({"members": [person(one), person(other)]}, size)
            self.assertEqual(said["answer"], self.expected(sum(incomes), size))
            told.add(said["answer"])
        self.assertIn("NO", told)

    def test_a_member_without_a_return_or_unknown_leaves_the_sum_unknown(self):
        adult, child = self.singles[20], self.children[0]
        self.assertEqual(self.ask([person(adult), person(child)], 4)["answer"], "UNDETERMINED")
        stranger = dict(person(adult), social_security_number="950-11-2222",
                        given_name="Nobody", family_name="Atall")
        self.assertEqual(self.ask([person(self.singles[21]), stranger], 4)["answer"],
                         "UNDETERMINED")

    def test_the_limits_of_a_member_of_two_families_add_up(self):
        shared, one, other, third = self.singles[30:34]
        for companion in (one, other):
            self.assertIn(self.ask([person(companion), person(shared)], 3)["answer"], ("YES", "NO"))
        refused = self.ask([person(third), person(shared)], 3)
        self.assertEqual(refused["refusal"], "PERSON_LIMIT")
        # Nobody was charged for what was refused.
        for _ in range(2):
            self.assertIn(self.ask([person(third)], 3)["answer"], ("YES", "NO"))
        self.assertEqual(self.ask([person(third)], 3)["refusal"], "PERSON_LIMIT")

    def test_the_same_person_twice_is_refused_before_it_is_asked(self):
        row = person(self.singles[40])
        done = self.ask([row], 3)
        self.assertIn(done["answer"], ("YES", "NO"))
        agreement = self.world.agreement
        twice = run("vouch", "ask", "--node", self.world.aid.folder, "--agreement", agreement.id,
                    "--question", agreement.questions[0], "--purpose", agreement.purpose,
                    "--parameter", "household_size=3", "--parameter", "region=contiguous",
                    stdin=json.dumps([row, row]), accept=(3,))
        self.assertIn("member 2: is the same person as member 1", twice.stderr)

    def test_a_node_killed_gives_the_same_answer_again_charged_once(self):
        couple = [person(row) for row in self.couples[14]]
        first = self.ask(couple, 2)
        self.world.tax.kill()
        self.world.tax.start()
        self.world.tax.wait_ready(self.world.agreement)
        self.world.client = self.world.aid.client(self.world.tax)
        self.connect()
        consents = [word for consent in first["consents"] for word in ("--consent", consent)]
        again = self.ask(couple, 2, "--request-id", first["request_id"], *consents)
        self.assertEqual(again["answer"], first["answer"])
        self.assertEqual(wire.receipt_said(again["receipt"]), wire.receipt_said(first["receipt"]))
        self.assertEqual(self.ask(couple, 2)["answer"], first["answer"])
        self.assertEqual(self.ask(couple, 2)["refusal"], "PERSON_LIMIT")

    def test_every_household_has_one_size_on_the_wire(self):
        agreement, sizes, answers = self.world.agreement, set(), set()
        rows = self.singles[50:56]
        for members in ([rows[0]], rows[1:3], rows[3:4] + self.children[1:2], rows[4:6]):
            tokens = b"".join(b"".join(agreement.tokens(row)) for row in members)
            consents = wire.secrets.token_bytes(32 * len(members))
            request = agreement.request([], {"household_size": 4, "region": "contiguous"})
            request.subject.tokens = tokens.ljust(SLOTS * 3 * 32, b"\0")
            request.subject.consents = consents.ljust(SLOTS * 32, b"\0")
            request.subject.member_count = len(members)
            response = self.world.client.verify(request)
            answers.add(wire.ANSWERS[response.answered.answer])
            sizes.add((request.ByteSize(), response.ByteSize(),
                       len(response.answered.receipt.entry)))
        self.assertEqual(len(sizes), 1)
        self.assertIn("UNDETERMINED", answers)


if __name__ == "__main__":
    main()
