"""What deploy/demo shows, once everything is built."""

import argparse
import collections
import csv
import itertools
import json
import pathlib
import random
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/harness"))

import wire  # noqa: E402
from federation import Federation, HarnessError, run  # noqa: E402
from refusals import Refusals  # noqa: E402
from templates import Template  # noqa: E402

TAX, MEALS, AID = "tax.example", "nutrition.example", "studentaid.example"


class Count:
    """Every question asked and what came of it."""

    def __init__(self):
        self.of = collections.Counter()

    def add(self, outcome, times=1):
        self.of[outcome if outcome in ("YES", "NO", "UNDETERMINED") else "refused"] += times

    def total(self):
        return sum(self.of.values())


def say(text=""):
    print(text, flush=True)


def title(text):
    say()
    say(f"== {text}")


class Demo:
    def __init__(self, federation, people):
        self.federation, self.people = federation, people
        self.count = Count()
        self.started = time.monotonic()

    def run(self):
        self.make_agencies()
        self.make_agreements()
        refusals = Refusals(self)
        self.start_nodes(refusals)
        self.load_records()
        self.ask_single()
        self.ask_batches()
        title("Every refusal there is, each caused for real")
        refusals.show_all()
        self.show_what_crossed()
        return self.look_for_people()

    # -- making the federation

    def make_agencies(self):
        title(f"Three agencies, {self.people:,} synthetic people each")
        third = self.people * 3 // 10
        self.csv = {}
        for number, agency in enumerate((TAX, MEALS, AID)):
            name = agency.split(".")[0]
            path = self.federation.folder / f"{name}.csv"
            # Each holds its own stretch of one population, overlapping the next, and errs on its own.
            run("vouch-synth", "--people", self.people, "--first", number * third, "--errors",
                "0.05", "--error-seed", number + 1, "--source-prefix", f"{name}-", "--output", path)
            self.csv[agency] = path
            say(f"   {agency:20} people {number * third:,} to {number * third + self.people:,}, "
                "one record in twenty with an error")
        self.tax = self.federation.node(TAX)
        self.meals = self.federation.node(MEALS)
        self.aid = self.federation.node(AID)
        for one, other in ((self.tax, self.aid), (self.meals, self.aid), (self.tax, self.meals)):
            self.federation.introduce(one, other)
        say("   each with its own authority, certificates and keys; each knows the others' anchors")

    def make_agreements(self):
        title("Two agreements, in files both sides hold and both sides' officers signed")
        income = Template("income-for-student-aid", AID, TAX)
        self.income = self.federation.agree(income.agreement, income.facts, self.aid, self.tax,
                                            "income")
        meals = Template("school-meals-by-enrolment", AID, MEALS).kind("keyed-hash")
        self.school = self.federation.agree(meals.agreement, meals.facts, self.aid, self.meals,
                                            "meals")
        self.mappings = {}
        for node, template in ((self.tax, income), (self.meals, meals)):
            path = self.federation.folder / f"{node.name}-mapping.yaml"
            path.write_text(template.mapping, encoding="utf-8")
            self.mappings[node.agency] = path
        say(f"   {self.income.id}: {AID} asks {TAX}, blind tokens")
        say("      'Was adjusted gross income at or below 225% of the poverty guideline?'")
        say(f"   {self.school.id}: {AID} asks {MEALS}, keyed-hash tokens")
        say("      'Is the child in a household enrolled in SNAP, or certified for free meals?'")
        # What the tax agency's node finds, by the signers that its own node.yaml names.
        done = run("vouch", "agreement", "verify", "--node", self.tax.folder,
                   self.tax.folder / "agreements/income/agreement.yaml")
        for line in done.stdout.splitlines()[1:]:
            say(f"   {line}")

    def start_nodes(self, refusals):
        title("The nodes start")
        refusals.prepare()
        for node in (self.tax, self.meals, self.aid):
            node.start()
            say(f"   {node.agency:20} answers partners on 127.0.0.1:{node.port}")
        self.recordings = []
        self.taps = {}
        for requester, responder in ((self.aid, self.tax), (self.aid, self.meals),
                                     (self.meals, self.tax)):
            address, recording = self.federation.tap(requester, responder)
            self.taps[requester.agency, responder.agency] = address
            requester.set_partner(responder.agency, address=address)
            self.recordings.append(recording)
        say("   between each two, a tap ends TLS with both sides' test keys and records all of it")
        refusals.before_loading()

    def load_records(self):
        title("Records are loaded")
        for node in (self.tax, self.meals):
            began = time.monotonic()
            node.load(self.mappings[node.agency], self.csv[node.agency])
            agreement = self.income if node is self.tax else self.school
            node.wait_ready(agreement, seconds=600)
            say(f"   {node.agency:20} {self.people:,} people, three match keys each, ready after "
                f"{time.monotonic() - began:.0f} s")
        say(f"   {AID:20} keeps its {self.people:,} applicants to itself and asks about some")
        with open(self.csv[AID], newline="", encoding="utf-8") as file:
            self.applicants = list(csv.DictReader(file))
        # Adults apply for student aid; school children are certified for meals.
        self.adults = [one for one in self.applicants if one["date_of_birth"][:4] < "2008"]
        self.children = [one for one in self.applicants if one["school_meals"]]

    # -- asking

    def ask(self, agreement, person, parameters=(), person_shown=""):
        """One `vouch ask`, as a person at the asking agency would."""
        identity = {name: person[name] for name in ("social_security_number", "date_of_birth",
                                                    "given_name", "family_name", "postal_code")
                    if person[name]}
        options = itertools.chain.from_iterable(
            ("--parameter", f"{name}={value}") for name, value in parameters)
        done = run("vouch", "ask", "--node", self.aid.folder, "--agreement", agreement.id,
                   "--question", agreement.questions[0], "--purpose", agreement.purpose, *options,
                   "--json", stdin=json.dumps(identity), accept=(0, 1))
        answer = json.loads(done.stdout)
        self.count.add(answer.get("answer", "refused"))
        return answer

    def ask_single(self):
        title("Single questions: identity in clear stays inside; tokens go out; an answer comes back")
        chance = random.Random(2027)
        for person in chance.sample(self.adults[: len(self.adults) // 3], 6):
            answer = self.ask(self.income, person,
                              (("household_size", person["household_size"]),
                               ("region", person["region"])))
            say(f"   income of an applicant, household of {person['household_size']:>2}:  "
                f"{answer['answer']:13} -> {answer['do']}")
        for person in chance.sample(self.children[: len(self.children) // 2], 3):
            answer = self.ask(self.school, person)
            say(f"   meals of an applicant:                  {answer['answer']:13} -> "
                f"{answer['do']}")

    def ask_batches(self):
        title("Batches: each item durable, charged and receipted like a single question")
        for agreement, responder, group in ((self.income, TAX, self.adults),
                                            (self.school, MEALS, self.children)):
            people = random.Random(7).sample(group, min(5000, len(group) // 3))
            began = time.monotonic()
            asked = self.batch(agreement, people)
            for outcome, times in asked.items():
                self.count.add(outcome, times)
            say(f"   {sum(asked.values()):,} applicants asked about at {responder}, "
                f"{time.monotonic() - began:.0f} s: "
                + ", ".join(f"{times:,} {outcome}" for outcome, times in sorted(asked.items())))

    def batch(self, agreement, people):
        """Outcomes of `vouch ask --input`."""
        folder = self.federation.folder
        given, answers = folder / f"{agreement.name}-ask.csv", folder / f"{agreement.name}-out.csv"
        columns = ["social_security_number", "date_of_birth", "given_name", "family_name",
                   "postal_code"]
        if agreement is self.income:
            columns += ["household_size", "region"]
        with open(given, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, ["reference", *columns])
            writer.writeheader()
            for number, person in enumerate(people):
                writer.writerow({"reference": number, **{name: person[name] for name in columns}})
        run("vouch", "ask", "--node", self.aid.folder, "--agreement", agreement.id, "--question",
            agreement.questions[0], "--purpose", agreement.purpose, "--input", given, "--output",
            answers, accept=(0, 1), timeout=600)
        with open(answers, newline="", encoding="utf-8") as file:
            # A row from which no match key can be formed was never asked about.
            return collections.Counter(row["answer"] or "refused" for row in csv.DictReader(file)
                                       if row["refusal"] != "ROW")

    # -- looking at it

    def show_what_crossed(self):
        title("What crossed: one question and its answer, decoded from the recording")
        m = wire.messages
        for direction, kind, call, method, data in wire.read_recording(self.recordings[0]):
            if method != "/vouch.v1.Verification/Verify" or kind != 2:
                continue
            if direction == 1:
                request = m.VerifyRequest.FromString(data)
                last = call
                say("   to the tax agency:")
                say(f"      request id   {request.request_id.hex()}")
                say(f"      agreement    {request.question.agreement_id}, "
                    f"digest {request.question.agreement_digest.hex()[:16]}...")
                say(f"      question     {request.question.question}")
                for parameter in request.parameters:
                    say(f"      parameter    {parameter.name} = "
                        f"{parameter.code or parameter.number}")
                for at in range(0, len(request.subject.tokens), 32):
                    say(f"      token {at // 32 + 1}      "
                        f"{request.subject.tokens[at:at + 32].hex()}")
            elif call == last:
                response = m.VerifyResponse.FromString(data)
                say(f"   back ({len(data)} bytes, whatever the answer):")
                say(f"      answer       {wire.ANSWERS[response.answered.answer]}, "
                    f"data as of {response.answered.data_as_of}")
                say(f"      ledger entry {response.answered.receipt.entry.hex()[:64]}...")
                break

    def look_for_people(self):
        title("Looking for people in everything that left an agency")
        folder = self.federation.folder
        for node in (self.tax, self.meals, self.aid):
            (folder / f"{node.name}-metrics.txt").write_text(node.metrics())
        for node in (self.tax, self.meals, self.aid):
            node.stop()
        channels = {"recordings of the wire": self.recordings,
                    "logs": [node.log for node in (self.tax, self.meals, self.aid)],
                    "metrics": sorted(folder.glob("*-metrics.txt")),
                    "refusals and errors": [folder / "refusals.txt"],
                    "journals and ledgers": sorted(
                        path for node in (self.tax, self.meals, self.aid)
                        for path in (node.folder / "journal").rglob("*") if path.is_file())}
        people = [part for path in self.csv.values() for part in ("--people", path)]
        public = [part for node in (self.tax, self.meals)
                  for path in sorted((node.folder / "agreements").glob("*/*.yaml"))
                  for part in ("--public", path)]
        found = 0
        for name, files in channels.items():
            done = run("vouch-scan", "--canaries", "--json", *people, *public, *files,
                       accept=(0, 1), timeout=600)
            result = json.loads(done.stdout)
            if result["canaries_not_found"]:
                raise HarnessError(f"the scanner did not find canaries planted in {name}:\n"
                                   f"{done.stderr}")
            found += result["findings"]
            say(f"   {name:24} {result['bytes']:>13,} bytes: first found "
                f"{result['canaries_planted']:,} canaries planted in copies, "
                f"then {result['findings']} personal values")
            for one in result["shown"]:
                say(f"      {one['file']}: byte {one['offset']}: {one['kind']} near {one['near']} "
                    f"({one['encoding']})")
        say(f"   values of {result['people']:,} records were looked for: as they stand, digits only, "
            "hexadecimal, base64, UTF-16")
        say(f"   after {time.monotonic() - self.started:.0f} s")
        return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--people", type=int, default=100000)
    parser.add_argument("--keep")
    options = parser.parse_args()
    if options.keep and pathlib.Path(options.keep).exists() and any(
            pathlib.Path(options.keep).iterdir()):
        sys.exit(f"{options.keep} is not empty; name another folder")
    try:
        with Federation(keep=options.keep) as federation:
            demo = Demo(federation, options.people)
            found = demo.run()
    except HarnessError as error:
        sys.exit(f"the demonstration stopped: {error}")
    of = demo.count.of
    say()
    say(f"demo: {demo.count.total()} questions, {of['YES']} yes, {of['NO']} no, "
        f"{of['UNDETERMINED']} undetermined, {of['refused']} refused; "
        f"personal data found outside its agency: {found}")
    sys.exit(0 if found == 0 else 1)


if __name__ == "__main__":
    main()
