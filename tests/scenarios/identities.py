"""Who may ask: certificates, authorities, revocation, TLS versions; and which tokens count."""

import pathlib
import subprocess
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))

from authority import issue, revocation_list  # noqa: E402
from world import VALUES, World, main, wait_until, wire  # noqa: E402


def reason(outcome):
    return getattr(outcome, "reason", outcome)


class Certificates(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = World(people=50, start=False)
        cls.addClassCleanup(cls.world.close)
        world = cls.world
        # A second partner of the tax agency, with an authority of its own.
        cls.meals = world.federation.node("meals.example")
        world.federation.introduce(world.tax, cls.meals)
        cls.revocations = world.tax.folder / "partners/aid.example/revocations.pem"
        revocation_list(world.aid, [], cls.revocations)
        world.tax.set_partner("aid.example", revocations="partners/aid.example/revocations.pem")
        world.tax.start()
        world.tax.wait_ready(world.agreement)
        world.client = world.aid.client(world.tax)
        cls.tokens = world.agreement.tokens(world.filers()[0])

    def ask_with(self, authority, **names):
        certificate, key = issue(authority, self.world.federation.folder, **names)
        client = self.world.aid.client(self.world.tax, certificate=certificate, key=key)
        try:
            return self.world.ask(self.tokens, client=client)
        finally:
            client.close()

    def test_another_partners_authority_cannot_issue_an_agencys_name(self):
        outcome = self.ask_with(self.meals, agency="aid.example")
        self.assertEqual((outcome.code, outcome.reason), ("UNAUTHENTICATED", "CERTIFICATE"))
        # The same key and name from the agency's own authority is let in.
        self.assertIn(self.ask_with(self.world.aid, agency="aid.example"), ("YES", "NO"))

    def test_a_certificate_of_two_agencies_stands_for_neither(self):
        outcome = self.ask_with(self.world.aid, agency="aid.example", also="meals.example")
        self.assertEqual(reason(outcome), "CERTIFICATE")

    def test_a_certificate_without_an_agency_is_refused(self):
        self.assertEqual(reason(self.ask_with(self.world.aid, agency=None)), "CERTIFICATE")

    def test_an_expired_certificate_is_refused(self):
        outcome = self.ask_with(self.world.aid, agency="aid.example", days=-1)
        # In the handshake already, or per call.
        self.assertIn(reason(outcome), ("CERTIFICATE", "TRANSPORT"))

    def test_a_stranger_does_not_get_past_the_handshake(self):
        certificate, key = issue(None, self.world.federation.folder, agency="aid.example")
        client = self.world.aid.client(self.world.tax, certificate=certificate, key=key)
        self.addCleanup(client.close)
        self.assertEqual(reason(self.world.ask(self.tokens, client=client)), "TRANSPORT")

    def test_an_agency_that_is_no_party_is_not_permitted(self):
        client = self.meals.client(self.world.tax)
        self.addCleanup(client.close)
        outcome = self.world.ask(self.tokens, client=client)
        self.assertEqual((outcome.code, outcome.reason), ("PERMISSION_DENIED", "NOT_PERMITTED"))
        unknown = self.world.agreement.request(self.tokens, VALUES[0])
        unknown.question.agreement_id = "no-such-agreement"
        with self.assertRaises(wire.Refusal) as refused:
            client.verify(unknown)
        # One message for all: which agreements there are is nobody else's business.
        self.assertEqual(refused.exception.key(), outcome.key())
        self.assertEqual(len(client.list_agreements().agreements), 0)

    def test_a_revoked_certificate_is_refused_on_a_connection_that_is_open(self):
        certificate, key = issue(self.world.aid, self.world.federation.folder,
                                 agency="aid.example")
        client = self.world.aid.client(self.world.tax, certificate=certificate, key=key)
        self.addCleanup(client.close)
        person = self.world.agreement.tokens(self.world.filers()[1])
        self.assertIn(self.world.ask(person, client=client), ("YES", "NO"))
        # A stream that is open, too: every message is judged.
        messages, sent = [], threading.Event()

        def outgoing():
            yield self.world.agreement.batch_request([(person, VALUES[0])])
            sent.wait(30)
            yield self.world.agreement.batch_request([(person, VALUES[0])])

        stream = client._batch(outgoing(), timeout=60)
        messages.append(next(stream))
        self.assertTrue(messages[0].results[0].HasField("answered"))

        revocation_list(self.world.aid, [certificate], self.revocations)
        self.world.tax.reload()
        outcome = []

        def refused():
            outcome[:] = [self.world.ask(person, client=client)]
            return reason(outcome[0]) == "CERTIFICATE"

        wait_until("the revocation to count", refused, 30)
        self.assertEqual(outcome[0].code, "UNAUTHENTICATED")
        sent.set()
        with self.assertRaises(wire.grpc.RpcError) as broken:
            for _ in stream:
                pass
        self.assertEqual(wire.refusal_of(broken.exception).reason, "CERTIFICATE")
        # Others of the agency go on.
        self.assertIn(self.world.ask(person), ("YES", "NO"))

    def test_tls_1_2_is_refused(self):
        def handshake(version):
            return subprocess.run(
                ["openssl", "s_client", version, "-connect", self.world.tax.address, "-alpn", "h2",
                 "-cert", self.world.aid.certificate, "-key", self.world.aid.key, "-CAfile",
                 self.world.tax.authority],
                input=b"", capture_output=True, timeout=20)

        self.assertIn(b"TLSv1.3", handshake("-tls1_3").stdout)
        refused = handshake("-tls1_2")
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn(b"Cipher is (NONE)", refused.stdout)


class Tokens(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = World(people=50)
        cls.addClassCleanup(cls.world.close)

    def test_tokens_of_old_and_unknown_epochs_are_refused(self):
        world, agreement = self.world, self.world.agreement
        people = world.filers()
        outcome = world.ask(agreement.tokens(people[0]), epoch=9)
        self.assertEqual((outcome.code, outcome.reason, outcome.expected),
                         ("FAILED_PRECONDITION", "KEY_EPOCH", "1"))
        old = agreement.request(agreement.tokens(people[1]), VALUES[0])
        kept = world.client.verify(old)
        world.federation.make_epoch(agreement, 2)
        world.tax.reload()

        def answers_in_two():
            outcome = world.ask(agreement.tokens(people[2], epoch=2), epoch=2)
            return reason(outcome) not in ("KEY_EPOCH", "NOT_READY")

        wait_until("the new epoch", answers_in_two, 60)
        # The first call in the new epoch closed the old one, stored retries apart.
        self.assertEqual(reason(world.ask(agreement.tokens(people[3]), epoch=1)), "KEY_EPOCH")
        self.assertEqual(wire.said(world.client.verify(old)), wire.said(kept))
        # Old tokens under the new epoch's number find nobody.
        self.assertEqual(world.ask(agreement.tokens(people[3], epoch=1), epoch=2), "UNDETERMINED")

    def test_tokens_of_another_agreement_find_nobody(self):
        from templates import Template
        template = Template("income-for-student-aid", "aid.example", "tax.example").kind(
            "keyed-hash").without_consent().id("studentaid-tax-2027-003")
        other = self.world.second_agreement(template)
        person = self.world.filers()[5]
        foreign = other.request(self.world.agreement.tokens(person, epoch=1), VALUES[0])
        self.assertEqual(self.world.client.verify(foreign).answered.answer, 3)
        own = other.request(other.tokens(person), VALUES[0])
        self.assertIn(self.world.client.verify(own).answered.answer, (1, 2))

    def test_tokens_that_are_too_short_are_malformed(self):
        short = self.world.agreement.request([bytes(31)] * 3, VALUES[0])
        with self.assertRaises(wire.Refusal) as refused:
            self.world.client.verify(short)
        self.assertEqual((refused.exception.code, refused.exception.reason,
                          refused.exception.field),
                         ("INVALID_ARGUMENT", "MALFORMED", "subject.tokens"))


if __name__ == "__main__":
    main()
