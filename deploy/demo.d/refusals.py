"""Every reason for which a node gives no answer, each caused for real."""

import resource
import secrets
import textwrap
import time

import wire
from authority import issue
from federation import HarnessError, wait_until
from templates import Template, day

NUTRITION_CALLS_A_SECOND = 5

ADVICE = {
    "NOT_PERMITTED": "ask the officer",
    "AGREEMENT_NOT_IN_FORCE": "renew the agreement",
    "AGREEMENT_MISMATCH": "exchange agreement files",
    "BAD_REQUEST_ID": "make a new id",
    "MALFORMED": "mend the field",
    "NOT_IN_AGREEMENT": "ask what the agreement lists",
    "PERSON_LIMIT": "use the stored answer",
    "AGREEMENT_LIMIT": "wait",
    "BUSY": "back off",
    "KEY_EPOCH": "make tokens in the current epoch",
    "NOT_READY": "retry later",
    "REQUEST_ID_REUSED": "make a new id",
    "LEDGER_UNAVAILABLE": "retry with the same id",
    "CERTIFICATE": "use a good certificate",
}


class Refusals:
    def __init__(self, demo):
        self.demo = demo
        self.seen = {}

    def prepare(self):
        """What has to stand before the nodes start."""
        demo = self.demo
        agree = demo.federation.agree
        ended = Template("school-meals-by-enrolment", demo.aid.agency, demo.meals.agency)
        ended.kind("keyed-hash").id("meals-pilot-ended").dates(day(-400), day(-40))
        self.ended = agree(ended.agreement, ended.facts, demo.aid, demo.meals, "ended")
        small = Template("school-meals-by-enrolment", demo.aid.agency, demo.meals.agency)
        small.kind("keyed-hash").id("meals-pilot-small").limit("whole_agreement", 3, "1 day")
        small.limit("new_people", 3, "1 day")
        self.small = agree(small.agreement, small.facts, demo.aid, demo.meals, "small")
        demo.tax.set_partner(demo.meals.agency, calls_per_second=NUTRITION_CALLS_A_SECOND)

    def client(self, requester, responder, **more):
        address = self.demo.taps.get((requester.agency, responder.agency))
        return requester.client(responder, address=address, **more)

    def before_loading(self):
        """While the nutrition agency holds nobody yet."""
        demo = self.demo
        self.asking = self.client(demo.aid, demo.meals)
        wait_until("the agreement to be known", lambda: self.asking.list_agreements().agreements)
        demo.school.reread()
        self.note("NOT_READY", lambda: self.asking.verify(
            demo.school.request([secrets.token_bytes(32) for _ in demo.school.match])))

    def note(self, expected, call):
        """Makes the call, which must be refused for that reason."""
        try:
            answer = call()
        except wire.Refusal as refusal:
            if refusal.reason != expected:
                raise HarnessError(f"expected {expected}, was refused as {refusal}") from None
            self.seen[expected] = refusal
            self.demo.count.add("refused")
            return
        raise HarnessError(f"expected {expected}, was answered {str(answer)[:200]}")

    def answered(self, call):
        """Makes a call that is answered."""
        answer = wire.ANSWERS[call().answered.answer]
        self.demo.count.add(answer)
        return answer

    def show_all(self):
        demo = self.demo
        school, client = demo.school, self.asking
        people = [person for person in demo.applicants if person["social_security_number"]][-40:]
        tokens = [school.tokens(person) for person in people]

        def ask(at, change=None, agreement=school, **more):
            request = agreement.request(tokens[at], **more)
            if change:
                change(request)
            return client.verify(request)

        def setting(message, field, value):
            return lambda request: setattr(getattr(request, message) if message else request,
                                           field, value)

        self.note("NOT_PERMITTED", lambda: ask(
            0, setting("question", "agreement_id", "an-agreement-of-others")))
        self.note("AGREEMENT_NOT_IN_FORCE", lambda: ask(0, agreement=self.ended))
        self.note("AGREEMENT_MISMATCH", lambda: ask(
            0, setting("question", "agreement_digest", bytes(32))))
        two_days_ago = wire.uuid7(time.time() - 2 * 86400)
        self.note("BAD_REQUEST_ID", lambda: ask(0, request_id=two_days_ago))
        self.note("MALFORMED", lambda: ask(0, setting("subject", "tokens", bytes(31))))
        self.note("NOT_IN_AGREEMENT", lambda: ask(0, purpose="curiosity"))
        self.note("KEY_EPOCH", lambda: ask(0, epoch=7))

        once = wire.uuid7()
        self.answered(lambda: ask(1, request_id=once))
        self.note("REQUEST_ID_REUSED", lambda: ask(2, request_id=once))

        for _ in range(6):  # as often as the agreement allows
            self.answered(lambda: ask(3))
        self.note("PERSON_LIMIT", lambda: ask(3))

        demo.meals.wait_ready(self.small)
        small = [self.small.tokens(person) for person in people]
        for at in range(3):
            self.answered(lambda: client.verify(self.small.request(small[at])))
        self.note("AGREEMENT_LIMIT", lambda: client.verify(self.small.request(small[4])))

        # Not a party to this agreement, it is refused as NOT_PERMITTED until it is refused as BUSY.
        hurried = self.client(demo.meals, demo.tax)

        def until_busy():
            for _ in range(20 * NUTRITION_CALLS_A_SECOND):
                try:
                    hurried.verify(demo.income.request([bytes(32)] * 3))
                except wire.Refusal as refusal:
                    if refusal.reason == "NOT_PERMITTED":
                        demo.count.add("refused")
                        continue
                    raise

        self.note("BUSY", until_busy)

        # No file of the nutrition agency's node can grow: to it, the disk is full.
        process = demo.meals.process.popen.pid
        unlimited = resource.prlimit(process, resource.RLIMIT_FSIZE)
        request = school.request(tokens[5])
        resource.prlimit(process, resource.RLIMIT_FSIZE, (1, unlimited[1]))
        try:
            self.note("LEDGER_UNAVAILABLE", lambda: client.verify(request))
        finally:
            resource.prlimit(process, resource.RLIMIT_FSIZE, unlimited)
        self.answered(lambda: client.verify(request))  # the same id, once there is room again

        # The nutrition agency's own authority issues a certificate in the student aid office's name.
        certificate, key = issue(demo.meals, demo.federation.folder, agency=demo.aid.agency)
        forged = demo.aid.client(demo.tax, certificate=certificate, key=key)
        self.note("CERTIFICATE", lambda: forged.verify(demo.income.request([bytes(32)] * 3)))

        lines = []
        for reason in wire.REASONS:
            if reason not in self.seen:
                raise HarnessError(f"{reason} was not shown")
            refusal = self.seen[reason]
            print(f"   {reason:22} {refusal.code:20} -> {ADVICE[reason]}", flush=True)
            print(textwrap.fill(refusal.message, 110, initial_indent=" " * 6,
                                subsequent_indent=" " * 6), flush=True)
            lines.append(f"{refusal.code} {reason} {refusal.message} {refusal.field} "
                         f"{refusal.expected}\n".encode() + refusal.details)
        (demo.federation.folder / "refusals.txt").write_bytes(b"\n".join(lines))
