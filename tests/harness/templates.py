"""Agreements for test federations, made from policies/templates."""

import datetime
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]


def day(offset):
    return (datetime.date.today() + datetime.timedelta(days=offset)).isoformat()


class Template:
    """One folder of policies/templates, with this federation's agencies and today's dates in it."""

    def __init__(self, name, asker, responder):
        folder = ROOT / "policies/templates" / name
        read = lambda part: (folder / part).read_text(encoding="utf-8")
        self.agreement, self.facts, self.mapping = map(
            read, ("agreement.yaml", "facts.yaml", "mapping.yaml"))
        old_asker = re.search(r'asks: \["([^"]+)"\]', self.agreement)[1]
        old_responder = re.search(r'answers: "([^"]+)"', self.agreement)[1]
        for old, new in ((old_asker, asker), (old_responder, responder)):
            for part in ("agreement", "facts", "mapping"):
                text = getattr(self, part)
                setattr(self, part, re.sub(rf"(?<![\w.]){re.escape(old)}", new, text))
        self.dates(day(-30), day(300))
        self.agreement = re.sub(r' on: "[0-9-]+"\}', f' on: "{day(-40)}"}}', self.agreement)
        self.mapping = re.sub(r'data_as_of: \{date: "[0-9-]+"\}',
                              f'data_as_of: {{date: "{day(-1)}"}}', self.mapping)

    def replace(self, pattern, text):
        """Changes the agreement; the pattern (a regular expression) must be there."""
        changed, count = re.subn(pattern, text, self.agreement, flags=re.M)
        if count == 0:
            raise ValueError(f"the agreement has nothing like {pattern}")
        self.agreement = changed
        return self

    def dates(self, effective, expires):
        self.replace(r'effective: "[0-9-]+"', f'effective: "{effective}"')
        return self.replace(r'expires: "[0-9-]+"', f'expires: "{expires}"')

    def id(self, text):
        return self.replace(r'^agreement:\n  id: "[^"]+"', f'agreement:\n  id: "{text}"')

    def kind(self, text):
        return self.replace(r'tokens: \{kind: "[^"]+"', f'tokens: {{kind: "{text}"')

    def revision(self, number):
        return self.replace(r"^  revision: \d+", f"  revision: {number}")

    def limit(self, name, count, every):
        return self.replace(rf"^( *){name}: \{{count: \d+, every: \"[^\"]+\"\}}",
                            rf'\g<1>{name}: {{count: {count}, every: "{every}"}}')

    def without_consent(self):
        return self.replace(r"^  consent: \{.*\}", "  consent: {required: false}")

    def jws_receipts(self):
        return self.replace(r"^contacts:", 'receipts: ["ledger", "jws"]\ncontacts:')
