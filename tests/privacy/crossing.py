"""What leaves an agency: nothing personal in any channel, and messages of one size."""

import base64
import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))

from world import VALUES, World, income_template, main, read_people, run, wire  # noqa: E402

# vouch-scan's made-up person.
CANARY = {"social_security_number": "999-87-6543", "date_of_birth": "1931-07-19",
          "given_name": "Ottoline", "family_name": "Canaree", "postal_code": "99901"}


def scan(world, files, canaries=True, accept=(0, 1)):
    """What vouch-scan says about these files, looking for everybody anyone holds."""
    public = [world.tax.folder / "agreements" / world.agreement.name / name
              for name in ("agreement.yaml", "facts.yaml")]
    done = run("vouch-scan", "--json", *(["--canaries"] if canaries else []),
               *(part for path in world.held_by_anyone for part in ("--people", path)),
               *(part for path in public for part in ("--public", path)), *files, accept=accept)
    return json.loads(done.stdout)


class Crossing(unittest.TestCase):
    """A tax agency of 2,000 people is asked about 400 of them and 200 strangers, through a tap."""

    @classmethod
    def setUpClass(cls):
        cls.world = world = World(template=income_template().jws_receipts(), people=2000)
        cls.addClassCleanup(world.close)
        address, cls.recording = world.federation.tap(world.aid, world.tax)
        cls.client = world.aid.client(world.tax, address=address)
        strangers = world.federation.folder / "strangers.csv"
        run("vouch-synth", "--people", 200, "--first", 500000, "--source-prefix", "none-",
            "--output", strangers)
        world.held_by_anyone = [world.csv, strangers]
        agreement = world.agreement
        cls.sizes = {"YES": set(), "NO": set(), "UNDETERMINED": set()}
        cls.known_sizes, cls.unknown_sizes = set(), set()
        cls.jws_sizes = {"YES": set(), "NO": set(), "UNDETERMINED": set()}
        cls.jws = []
        cls.calls = 0

        def ask(person, known):
            request = agreement.request(agreement.tokens(person), VALUES[0])
            response = cls.client.verify(request)
            cls.calls += 1
            size = (request.ByteSize(), response.ByteSize(), cls.call_sizes(response))
            cls.sizes[wire.ANSWERS[response.answered.answer]].add(size)
            (cls.known_sizes if known else cls.unknown_sizes).add(size)
            # The same request again, its answer as a JWS too: asked for later, charged once.
            request.jws_receipt = True
            again = cls.client.verify(request)
            cls.jws.append(again.answered.receipt.jws)
            cls.jws_sizes[wire.ANSWERS[again.answered.answer]].add(
                (again.ByteSize(), len(cls.jws[-1]), cls.call_sizes(again)))

        people, unknown = world.people[:400], read_people(strangers)
        for person in people:
            ask(person, True)
        for person in unknown:
            ask(person, False)
        # One batch each of people known and unknown.
        cls.batch_sizes = {}
        for name, group in (("known", people[100:180]), ("unknown", unknown[100:180])):
            request = agreement.batch_request([(agreement.tokens(p), VALUES[1]) for p in group])
            responses = cls.client.batch([request])
            cls.batch_sizes[name] = {
                (len(r.SerializeToString()) // max(1, len(r.results)) * len(r.results))
                for r in responses}
            assert sum(len(r.results) for r in responses) == len(group)
        # Refusals that speak of what was sent, with a person in every field that could echo.
        cls.refusals = []
        for change in cls.echoing_changes():
            request = agreement.request(agreement.tokens(people[0]), VALUES[0])
            change(request)
            try:
                cls.client.verify(request)
            except wire.Refusal as refusal:
                cls.refusals.append(refusal)
        cls.metrics = world.federation.folder / "metrics.txt"
        cls.metrics.write_text(world.tax.metrics())
        cls.errors = world.federation.folder / "errors.txt"
        cls.errors.write_bytes(b"\n".join(
            f"{r.code} {r.reason} {r.message} {r.field} {r.expected}".encode() + r.details
            for r in cls.refusals))
        world.tax.stop()

    @staticmethod
    def call_sizes(response):
        """Sizes of the parts whose length the wire shows, field by field."""
        answered = wire.messages.Answered()
        answered.CopyFrom(response.answered)
        # Its length is that of the log's size in digits, which grows whatever is answered.
        answered.receipt.proof.checkpoint = b""
        return (len(answered.receipt.entry), len(answered.receipt.opening),
                len(answered.SerializeToString()), len(response.obligations.SerializeToString()))

    @staticmethod
    def echoing_changes():
        texts = [CANARY["social_security_number"], "Ottoline Canaree", "1931-07-19"]

        def setting(path, text):
            def change(request):
                target = request
                *parents, last = path.split(".")
                for part in parents:
                    target = getattr(target, part)
                value = text.encode() if isinstance(getattr(target, last), bytes) else text
                setattr(target, last, value)
            return change

        for text in texts:
            for path in ("question.agreement_id", "question.question", "question.purpose",
                         "request_id", "question.agreement_digest", "subject.tokens",
                         "subject.consents"):
                yield setting(path, text)

            def parameter(request, text=text):
                request.parameters.add(name=text, code=text)
            yield parameter

            def value(request, text=text):
                del request.parameters[:]
                request.parameters.add(name="household_size", number=2)
                request.parameters.add(name="region", code=text)
            yield value

    def of_responder(self):
        """Files that hold what left the responder, or that an operator sees there."""
        journal = [path for path in (self.world.tax.folder / "journal").rglob("*")
                   if path.is_file()]
        self.assertTrue(journal)
        return [self.world.tax.log, self.metrics, self.errors, *journal]

    def test_all_three_answers_were_given_to_people_known_and_unknown(self):
        for answer, sizes in self.sizes.items():
            self.assertTrue(sizes, answer)
        self.assertTrue(self.known_sizes and self.unknown_sizes)

    def test_the_three_answers_have_one_size(self):
        self.assertEqual(len(set().union(*self.sizes.values())), 1, self.sizes)

    def test_known_and_unknown_people_have_one_size(self):
        self.assertEqual(self.known_sizes, self.unknown_sizes)

    def test_a_jws_receipt_has_one_size_whatever_was_answered_about_whomever(self):
        self.assertEqual(len(set().union(*self.jws_sizes.values())), 1, self.jws_sizes)
        self.assertTrue(all(self.jws_sizes.values()))
        self.assertEqual(len(set(self.jws)), self.calls)

    def test_a_jws_receipt_opened_holds_nothing_personal(self):
        opened = self.world.federation.folder / "claims.txt"
        opened.write_bytes(b"\n".join(base64.urlsafe_b64decode(part + "==")
                                      for jws in self.jws for part in jws.split(".")))
        found = scan(self.world, [opened], canaries=False)
        self.assertEqual(found["findings"], 0, found["shown"])

    def test_batches_about_known_and_unknown_people_have_one_size(self):
        self.assertEqual(self.batch_sizes["known"], self.batch_sizes["unknown"])

    def test_everything_a_call_shows_on_the_wire_has_one_size(self):
        """Metadata, messages, trailing metadata and status as the tap saw them, call by call."""
        calls = {}
        for direction, kind, call, method, data in wire.read_recording(self.recording):
            if method == "/vouch.v1.Verification/Verify":
                calls.setdefault(call, []).append((direction, kind, len(data)))
        answered = [tuple(sorted(shape)) for shape in calls.values()
                    if (2, 2) in {(direction, kind) for direction, kind, _ in shape}]
        # Each without a JWS and then with one.
        self.assertEqual(len(answered), 2 * self.calls)
        self.assertEqual(len(set(answered)), 2)
        self.assertEqual({answered.count(shape) for shape in set(answered)}, {self.calls})

    def test_the_tap_saw_everything(self):
        methods = {record[3] for record in wire.read_recording(self.recording)}
        self.assertEqual(methods, {"/vouch.v1.Verification/Verify",
                                   "/vouch.v1.Verification/VerifyBatch"})

    def test_nothing_personal_left_and_canaries_are_seen_in_every_channel(self):
        # The recording up to the requests that carry a canary on purpose.
        clean = self.world.federation.folder / "clean.tap"
        data = self.recording.read_bytes()
        canary_at = data.find(CANARY["social_security_number"].encode())
        self.assertGreater(canary_at, 100000)
        clean.write_bytes(data[:canary_at - 4096])
        found = scan(self.world, [clean, *self.of_responder()])
        self.assertEqual(found["canaries_not_found"], 0)
        self.assertGreater(found["canaries_planted"], 400)
        self.assertEqual(found["findings"], 0, found["shown"])

    def test_a_canary_sent_through_the_wire_is_seen_there_and_nowhere_else(self):
        self.assertGreater(scan(self.world, [self.recording])["findings"], 10)
        # Refused, and not said again: not to the requester, not in logs, metrics or journal.
        self.assertGreater(len(self.refusals), 20)
        found = scan(self.world, self.of_responder())
        self.assertEqual(found["findings"], 0, found["shown"])
        said = [data for direction, kind, _, _, data in wire.read_recording(self.recording)
                if direction == 2]
        back = self.world.federation.folder / "back.bin"
        back.write_bytes(b"\n".join(said))
        found = scan(self.world, [back])
        self.assertEqual(found["findings"], 0, found["shown"])

    def test_the_scanner_finds_the_people_where_they_are(self):
        found = scan(self.world, [self.world.csv], canaries=False)
        self.assertGreater(found["findings"], 4000)


if __name__ == "__main__":
    main()
