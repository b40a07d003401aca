"""Plays a requester who wants to learn more than the agreement's limits allow, through real calls,
and computes what it learned.

What is learned about a person is every (agreement, question, values) for which a call gave YES or
NO. However it is asked, a person's real answers stay within `times_asked` and `different_values` of
each agreement, and the different values of one fact within the fact's cap over all agreements. The
script notes what was refused as well: against records that hold none of these people, the same
script gets the same refusals.

The script against an agreement with wide limits shows that it would learn: an attacker that could
learn nothing anywhere would prove nothing.
"""

import pathlib
import random
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))

import blind  # noqa: E402
from world import VALUES, World, income_template, main, wire  # noqa: E402

TIMES_ASKED, DIFFERENT_VALUES, FACT_CAP = 4, 2, 3
ZERO = bytes(32)
CONNECTIONS = 200


class Attacker:
    """Asks, and keeps account of what it learned and what it was refused."""

    def __init__(self, world, victims):
        self.world, self.victims = world, victims
        self.random = random.Random(7)
        self.learned = {}   # victim -> {agreement -> [(values, answer), ...]}
        self.refusals = []  # in order; what a call about nobody would have been told as well
        self.asked = 0
        self.client = world.client

    def _note(self, victim, agreement, values, outcome):
        self.asked += 1
        if isinstance(outcome, wire.Refusal):
            self.refusals.append(outcome.key())
            return outcome
        self.refusals.append(None)
        if outcome != "UNDETERMINED":
            key = tuple(sorted(values.items()))
            self.learned.setdefault(victim, {}).setdefault(agreement.id, []).append((key, outcome))
        return outcome

    def ask(self, victim, tokens, values=None, agreement=None, **more):
        agreement = agreement or self.world.agreement
        values = VALUES[0] if values is None else values
        try:
            response = self.client.verify(agreement.request(tokens, values, **more))
            outcome = wire.ANSWERS[response.answered.answer]
        except wire.Refusal as refusal:
            outcome = refusal
        return self._note(victim, agreement, values, outcome)

    def tokens(self, victim, agreement=None, **changed):
        agreement = agreement or self.world.agreement
        return agreement.tokens({**self.victims[victim], **changed})

    # One attack each. Victims are numbered, so that a run against other records does the same.

    def bisect_household_and_region(self, victim):
        for values in VALUES:
            self.ask(victim, self.tokens(victim), values)

    def one_match_key_at_a_time(self, victim):
        whole = self.tokens(victim)
        for turn, values in enumerate(VALUES[:12]):
            alone = [token if key == turn % 3 else ZERO for key, token in enumerate(whole)]
            self.ask(victim, alone, values)
        for key in range(3):
            for values in VALUES[12:20]:
                self.ask(victim, [t if k == key else ZERO for k, t in enumerate(whole)], values)

    def pairs_of_match_keys(self, victim):
        whole = self.tokens(victim)
        for left_out in range(3):
            for values in VALUES[:6]:
                self.ask(victim, [ZERO if k == left_out else t for k, t in enumerate(whole)],
                         values)

    def guess_birth_dates(self, victim):
        year, month, day = self.victims[victim]["date_of_birth"].split("-")
        for turn in range(1, 29):
            guess = f"{year}-{month}-{turn:02d}"
            self.ask(victim, self.tokens(victim, date_of_birth=guess), VALUES[turn])
        for turn, values in enumerate(VALUES):
            forged = self.tokens(victim, date_of_birth=f"{1930 + turn}-01-01")
            self.ask(victim, [forged[0], ZERO, forged[2]], values)

    def guess_names(self, victim):
        true = self.victims[victim]["family_name"]
        for turn, name in enumerate(("Smith", "Nguyen", "Garcia", true, "Johnson", true, "Lee")):
            self.ask(victim, self.tokens(victim, family_name=name, former_family_name=""),
                     VALUES[turn])

    def garbage_beside_one_true_key(self, victim):
        """A fresh token vector for every call: each has a V of its own."""
        whole = self.tokens(victim)
        for turn, values in enumerate(VALUES):
            forged = [self.random.randbytes(32) for _ in whole]
            forged[turn % 3] = whole[turn % 3]
            self.ask(victim, forged, values)
        for turn, values in enumerate(VALUES):
            forged = [whole[0], self.random.randbytes(32), self.random.randbytes(32)]
            self.ask(victim, forged, values)

    def mix_two_people(self, victim, other):
        one, two = self.tokens(victim), self.tokens(other)
        for turn, values in enumerate(VALUES[:24]):
            mixed = [two[k] if turn >> k & 1 else one[k] for k in range(3)]
            # Whoever it is about, it is about one of the two: counted for both.
            outcome = self.ask(victim, mixed, values)
            if outcome in ("YES", "NO"):
                self.learned.setdefault(other, {}).setdefault(self.world.agreement.id, []).append(
                    (tuple(sorted(values.items())), outcome))

    def nobody(self):
        for values in VALUES[:8]:
            self.ask(None, [ZERO] * 3, values)

    def retry(self, victim):
        """The same id and content; then the same id with other content."""
        request_id = wire.uuid7()
        answers = {str(self.ask(victim, self.tokens(victim), request_id=request_id))
                   for _ in range(20)}
        for values in VALUES[1:10]:
            outcome = self.ask(victim, self.tokens(victim), values, request_id=request_id)
            assert outcome.reason == "REQUEST_ID_REUSED", outcome
        return answers

    def batch(self, victims, order_seed):
        """Everybody with every value in one message, shuffled."""
        agreement = self.world.agreement
        plan = [(victim, values) for victim in victims for values in VALUES[:12]]
        random.Random(order_seed).shuffle(plan)
        request = agreement.batch_request(
            [(self.tokens(victim), values) for victim, values in plan])
        results = {}
        for response in self.client.batch([request]):
            for place, result in enumerate(response.results):
                results[response.first + place] = result
        for place, (victim, values) in enumerate(plan):
            result = results[place]
            if result.HasField("refused"):
                refused = result.refused
                self._note(victim, agreement, values,
                           wire.Refusal(str(refused.code), refused.reason, refused.message,
                                        refused.field, refused.expected))
            else:
                self._note(victim, agreement, values, wire.ANSWERS[result.answered.answer])

    def all_at_once(self, victim):
        """As many connections as there are calls. Which call is refused is chance, so only the
        counts of refusals are comparable."""
        whole = self.tokens(victim)
        clients = [self.world.aid.client(self.world.tax) for _ in range(CONNECTIONS)]
        outcomes, lock, go = [], threading.Lock(), threading.Event()

        def call(number):
            values = VALUES[number % len(VALUES)]
            request = self.world.agreement.request(whole, values)
            go.wait()
            try:
                response = clients[number].verify(request, timeout=30)
                outcome = wire.ANSWERS[response.answered.answer]
            except wire.Refusal as refusal:
                outcome = refusal
            with lock:
                outcomes.append((values, outcome))

        threads = [threading.Thread(target=call, args=(n,), daemon=True) for n in range(CONNECTIONS)]
        for thread in threads:
            thread.start()
        go.set()
        for thread in threads:
            thread.join(60)
        for client in clients:
            client.close()
        before = len(self.refusals)
        for values, outcome in outcomes:
            self._note(victim, self.world.agreement, values, outcome)
        self.refusals[before:] = sorted(self.refusals[before:], key=str)

    def again(self, victims):
        """Once more everything simple, about people asked about before: after whatever the node
        went through, a limit that was used up is still used up."""
        for victim in victims:
            whole = self.tokens(victim)
            for values in VALUES[:10]:
                self.ask(victim, whole, values)
                self.ask(victim, [ZERO, whole[1], ZERO], values)
                self.ask(victim, [self.random.randbytes(32), ZERO, whole[2]], values)


def play(world, victims):
    """The whole script. `victims`: people it is after, whether or not the node holds them."""
    attacker = Attacker(world, victims)
    attacker.bisect_household_and_region(0)
    attacker.one_match_key_at_a_time(1)
    attacker.pairs_of_match_keys(2)
    attacker.guess_birth_dates(3)
    attacker.guess_names(4)
    attacker.garbage_beside_one_true_key(5)
    attacker.mix_two_people(6, 7)
    attacker.nobody()
    attacker.replayed = attacker.retry(8)
    attacker.batch([9, 10, 11], order_seed=1)
    attacker.batch([9, 10, 11], order_seed=2)
    attacker.all_at_once(12)
    # Fresh request ids of attacks done, over everything that might forget them.
    world.tax.kill()
    world.tax.start()
    world.tax.wait_ready(world.agreement)
    attacker.client = world.client = world.aid.client(world.tax)
    attacker.again(range(0, 13))
    world.next_epoch()
    attacker.again(range(0, 13))
    world.revise(2)
    attacker.again(range(0, 13))
    # A second agreement about the same fact, with everyone and with somebody fresh.
    second = world.second_agreement(income_template(world.kind).id("studentaid-tax-2027-002").replace(
        r"different_values: \{count: \d+, every: \"agreement\"\}",
        f'different_values: {{count: {DIFFERENT_VALUES}, every: "agreement"}}'))
    for victim in range(0, 14):
        for values in VALUES[:8]:
            attacker.ask(victim, attacker.tokens(victim, second), values, agreement=second)
    for values in VALUES[8:16]:
        attacker.ask(13, attacker.tokens(13), values)
        attacker.ask(13, attacker.tokens(13, second), values, agreement=second)
    return attacker


def limited_world(kind, **more):
    template = income_template(kind)
    facts = template.facts.replace('different_values: {count: 4, every: "1 year"}',
                                   f'different_values: {{count: {FACT_CAP}, every: "1 year"}}')
    world = World(template, facts=facts, settings={}, **more)
    world.kind = kind
    return world


class WhatAnAttackerLearns(unittest.TestCase):
    """With keyed-hash tokens, which an attacker makes as many of as it likes; then the same people
    asked about where nobody at all is held."""

    KIND, OTHERS = "keyed-hash", {"people": 0}

    @classmethod
    def setUpClass(cls):
        cls.full = limited_world(cls.KIND, people=400)
        cls.addClassCleanup(cls.full.close)
        victims = cls.full.filers()[:20]
        cls.attacker = play(cls.full, victims)
        cls.empty = limited_world(cls.KIND, **cls.OTHERS)
        cls.addClassCleanup(cls.empty.close)
        cls.stranger = play(cls.empty, victims)

    def test_learns_no_more_about_a_person_than_the_limits_say(self):
        self.assertGreater(len(self.attacker.learned), 8, "the attacks did not reach anybody")
        for victim, by_agreement in self.attacker.learned.items():
            values_of_fact = set()
            for agreement, answers in by_agreement.items():
                with self.subTest(victim=victim, agreement=agreement):
                    values = {values for values, _ in answers}
                    self.assertLessEqual(len(values), DIFFERENT_VALUES)
                    # Replays of a remembered id give what was given, so they are no new answers.
                    if victim != 8:
                        self.assertLessEqual(len(answers), TIMES_ASKED)
                values_of_fact |= {(agreement, values) for values, _ in answers}
            with self.subTest(victim=victim):
                self.assertLessEqual(len(values_of_fact), FACT_CAP)

    def test_narrows_an_income_no_further_than_the_values_it_was_answered(self):
        """d different thresholds tell d + 1 incomes apart, at most: so many bits, no more."""
        for victim, by_agreement in self.attacker.learned.items():
            thresholds = {values for answers in by_agreement.values() for values, _ in answers}
            self.assertLessEqual(len(thresholds) + 1, FACT_CAP + 1, victim)

    def test_a_retry_gets_the_answer_it_had(self):
        self.assertEqual(len(self.attacker.replayed), 1)

    def test_refusals_do_not_depend_on_who_is_held(self):
        self.assertEqual(len(self.attacker.refusals), len(self.stranger.refusals))
        for number, (full, empty) in enumerate(
                zip(self.attacker.refusals, self.stranger.refusals)):
            self.assertEqual(full and full[1], empty and empty[1], f"call {number}")
            self.assertEqual(strip_digests(full), strip_digests(empty), f"call {number}")
        self.assertIn("PERSON_LIMIT", {refusal[1] for refusal in self.attacker.refusals if refusal})

    def test_learns_nothing_about_people_who_are_not_held(self):
        self.assertEqual(self.stranger.learned, {})

    def test_nobody_found_is_nothing_learned(self):
        self.assertNotIn(None, self.attacker.learned)


class WhatAnAttackerLearnsWithBlindTokens(WhatAnAttackerLearns):
    """The same script with tokens that the responder helps to make; then where other people than
    those asked about are held."""

    KIND, OTHERS = "blind", {"people": 3, "first": 900000}

    def test_tokens_are_those_of_the_rfc(self):
        path = pathlib.Path(__file__).resolve().parents[1] / (
            "vectors/crypto/oprf_p256_sha256_rfc9497.txt")
        checked = 0
        for line in path.read_text(encoding="utf-8").splitlines():
            if not line.startswith("1|"):
                continue
            fields = line.split("|")
            for one, scalar, blinded, evaluated, output in zip(
                    *(fields[place].split(",") for place in (5, 6, 7, 8, 11))):
                made = blind.Blinded(bytes.fromhex(one), int(scalar, 16))
                self.assertEqual(made.element.hex(), blinded)
                self.assertEqual(made.token(bytes.fromhex(evaluated)).hex(), output)
                checked += 1
        self.assertGreater(checked, 2)

    def test_tokens_were_made_with_the_responders_help(self):
        self.assertFalse(self.full.agreement.keyed_hash)
        self.assertGreater(len(self.full.agreement._blind), 40)


def strip_digests(refusal):
    """Two worlds have two key authorities, hence two digests; nothing else may differ."""
    return refusal and (*refusal[:4], bool(refusal[4]))


class TheScriptHasTeeth(unittest.TestCase):
    """Under limits as wide as they go, the same attacks learn far more than the limits above."""

    def test_learns_much_where_the_limits_are_wide(self):
        template = income_template().limit("times_asked", 1000, "30 days").limit(
            "different_values", 36, "agreement")
        facts = template.facts.replace('different_values: {count: 4, every: "1 year"}',
                                       'different_values: {count: 72, every: "1 year"}')
        world = World(template, facts=facts, people=400)
        self.addCleanup(world.close)
        attacker = Attacker(world, world.filers()[:20])
        attacker.bisect_household_and_region(0)
        attacker.one_match_key_at_a_time(1)
        attacker.all_at_once(2)
        for victim in (0, 1, 2):
            answers = attacker.learned[victim][world.agreement.id]
            self.assertGreater(len({values for values, _ in answers}), FACT_CAP, victim)
            self.assertGreater(len(answers), TIMES_ASKED, victim)


if __name__ == "__main__":
    main()
