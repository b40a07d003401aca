"""A small federation for scenarios: a tax agency answers a student aid office about a few hundred
synthetic people, under one agreement. With keyed-hash tokens, the default, tests can make any token
they like; with blind ones only by asking."""

import csv
import itertools
import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import wire  # noqa: E402,F401
from federation import PROGRAMS, Federation, HarnessError, run, wait_until  # noqa: E402,F401
from templates import Template  # noqa: E402

# 225 % of the 2026 guideline is not repeated here: what a person's true answers are is asked of the
# node itself, in a copy of the world that has no limits.
VALUES = [{"household_size": size, "region": region}
          for size, region in itertools.product(range(1, 13), ("contiguous", "alaska", "hawaii"))]


def income_template(kind="keyed-hash"):
    return Template("income-for-student-aid", "aid.example", "tax.example").kind(
        kind).without_consent()


class World:
    """`template`: the agreement; `people`: how many the tax agency holds, or a CSV's path;
    none at all is a data set too."""

    def __init__(self, template=None, people=300, settings=None, facts=None, start=True,
                 environment=None, first=0):
        self.federation = Federation()
        try:
            self._build(template or income_template(), people, settings or {}, facts, start,
                        environment, first)
        except BaseException:
            self.federation.__exit__(*sys.exc_info())
            raise

    def _build(self, template, people, settings, facts, start, environment, first):
        self.template = template
        self.tax = self.federation.node("tax.example", **settings)
        self.aid = self.federation.node("aid.example")
        self.federation.introduce(self.tax, self.aid)
        # Scenarios ask as fast as they can; the rate has tests of its own.
        self.tax.set_partner("aid.example", calls_per_second=100000)
        self.facts = facts or template.facts
        self.agreement = self.federation.agree(template.agreement, self.facts, self.aid, self.tax)
        self.mapping = self.federation.folder / "mapping.yaml"
        self.mapping.write_text(template.mapping)
        self.csv = self.federation.folder / "tax.csv"
        if isinstance(people, int):
            run("vouch-synth", "--people", people, "--first", first, "--source-prefix", "tax-",
                "--output", self.csv)
        else:
            self.csv.write_bytes(pathlib.Path(people).read_bytes())
        self.people = read_people(self.csv)
        self.tax.load(self.mapping, self.csv, *(() if self.people else ("--allow-empty",)))
        if start:
            self.tax.start(environment=environment)
            self.tax.wait_ready(self.agreement)
            self.client = self.aid.client(self.tax)

    def close(self):
        self.federation.__exit__(None, None, None)

    def filers(self):
        """People with an income, each the only one of their tokens."""
        seen = {}
        for person in self.people:
            if person["adjusted_gross_income"]:
                seen.setdefault(person["social_security_number"], []).append(person)
        return [people[0] for people in seen.values() if len(people) == 1]

    def ask(self, tokens, values=None, client=None, **more):
        """"YES", "NO", "UNDETERMINED", or the Refusal."""
        request = self.agreement.request(tokens, VALUES[0] if values is None else values, **more)
        try:
            response = (client or self.client).verify(request)
        except wire.Refusal as refusal:
            return refusal
        return wire.ANSWERS[response.answered.answer]

    def next_epoch(self):
        """Makes the next token epoch and waits until the node answers in it."""
        agreement = self.agreement

        def listed():
            return next(one for one in self.client.list_agreements(agreement.id).agreements
                        if one.digest == agreement.digest)

        before = listed().current.statement
        self.federation.make_epoch(agreement, agreement.epoch + 1)
        agreement.epoch += 1
        self.tax.reload()

        def answers():
            now = listed()
            # In force, and not "not ready": the new epoch's index is complete.
            return now.current.statement != before and now.state in (3, 4)

        wait_until(f"epoch {agreement.epoch} to be answered", answers, 60)

    def revise(self, revision):
        """The same agreement with another title, as its next revision, taken up while running."""
        agreement = self.agreement
        text = agreement.text
        for pattern, new in ((r"^  revision: .*", f"  revision: {revision}"),
                             (r"^  replaces: .*", f'  replaces: "{agreement.digest.hex()}"'),
                             (r"^  title: .*", f'  title: "Revision {revision}"')):
            text = re.sub(pattern, new, text, count=1, flags=re.M)
        self.federation.place(agreement.name, text, self.facts, self.aid, self.tax)
        agreement.reread()
        self.tax.reload()

        def in_force():
            listed = self.client.list_agreements(agreement.id).agreements
            return any(one.digest == agreement.digest and one.state in (3, 4) for one in listed)

        wait_until("the revision to be in force", in_force, 30)

    def second_agreement(self, template):
        """Another agreement of the same two agencies, taken up by the running node."""
        agreement = self.federation.agree(template.agreement, self.facts, self.aid, self.tax)
        self.tax.reload()
        self.tax.wait_ready(agreement)
        return agreement


def read_people(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def clock_environment(offset_file):
    """Environment of a node whose wall clock `offset_file` moves (seconds, as text)."""
    return {"LD_PRELOAD": str(PROGRAMS / "libvouch_clock_shim.so"), "VOUCH_TEST_CLOCK": str(offset_file)}


def main():
    unittest.main(verbosity=2)
