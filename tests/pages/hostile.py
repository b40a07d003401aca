"""An agreement whose every free text is an attack.

It is valid, so that every tool shows all of it. Which keys there are comes from the JSON Schemas, and
missing_from_instance() says which of them this file forgets: a field added to the language fails the
tests until it is attacked too.
"""

import hashlib
import json
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
ATTACK = ("<script>document.title='pwned';alert(1)</script>\"><img src=x onerror=\"document.title='pwned'\">"
          "<svg/onload=alert(2)></textarea></title></style></pre><!-- --><base href=//evil.example/>"
          "<a href=javascript:alert(3)>&lt;&#60;</a>' onmouseover='alert(4) https://evil.example/x.png "
          "\\u202e {{7*7}} \u05d0\u05d1\u05d2 ")
MAIL = "\"onload='alert(1)'&lt\"@evil.example"
# One word that no line can hold, behind the attack.
LONGEST_LINE = 7000


def attack(most):
    """As long as the field and a line may be."""
    text = ATTACK[:most]
    return text + "W" * (min(most, LONGEST_LINE) - len(text))


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def schema(name):
    return json.loads((ROOT / "policies" / "schema" / f"{name}.schema.json").read_text(encoding="utf-8"))


def facts():
    def fact(name, kind, period, **more):
        return {"name": name, "type": kind, "period": period, "held_per": "person", **more,
                "meaning": attack(2000), "source_system": attack(200)}
    return {
        "format": "vouch-facts/1", "agency": "tax.example", "version": attack(300),
        "facts": [
            fact("income", "money", "tax-year", different_values={"count": 3, "every": "1 year"}),
            fact("children", "whole-number", "as-of"), fact("born_on", "date", "none"),
            fact("date_of_birth", "date", "none"), fact("seen_on", "date", "as-of"),
            fact("enrolled", "yes-no", "as-of"), fact("state", "code", "as-of", codes=["a", "b", "c"]),
            fact("programs", "codes", "as-of", codes=["x", "y", "z"]),
        ],
    }


def questions():
    share = {"percent": 225, "of": "hhs-poverty-guidelines", "edition": "2026",
             "row": {"persons": "size", "region": "region"}}

    def rows(kind, first, second):
        return {"rows": [{"when": {"size": 1}, "value": kind(first)}, {"when": {"size": 2}, "value": kind(second)}]}

    def cents(n):
        return {"cents": n}

    def plain(n):
        return n
    income = {"fact": "income", "period": "tax-year-2025"}
    now = {"period": "as-of-today"}
    conditions = [
        ({"size": {"from": 1, "to": 12}, "region": {"one_of": ["contiguous", "alaska", "hawaii"]}},
         {"all_of": [{**income, "at_most": share}, {**income, "more_than": cents(1)}]}, "person"),
        ({"size": {"from": 1, "to": 2}},
         {"any_of": [{**income, "less_than": rows(cents, 3591000, 4869000)},
                     {"not": {"fact": "children", **now, "at_least": rows(plain, 3, 4)}}]}, "person"),
        ({}, {"all_of": [{"fact": "age", "between": [18, 65]}, {"fact": "state", **now, "is": "a"},
                         {"fact": "programs", **now, "is_one_of": ["x", "y"]},
                         {"fact": "enrolled", **now, "is": True},
                         {"fact": "born_on", "on_or_before": "2010-12-31"},
                         {"fact": "born_on", "on_or_after": "1990-01-01"},
                         {"fact": "seen_on", "period": "last-90-days", "within_period": True}]}, "person"),
        ({}, {"all_of": [{**income, "at_most": cents(9000000), "sum_over_group": True},
                         {"fact": "enrolled", **now, "is": True, "members": "any"}]},
         {"group": {"at_most": 8}}),
    ]
    made = []
    for number, (parameters, yes_when, about) in enumerate(conditions):
        question = {"id": f"question-{number}", "ask": attack(2000), "about": about}
        if parameters:
            question["parameters"] = parameters
        question.update({
            "yes_when": yes_when, "records_loaded_within": "7 days", "tell": "nothing",
            "on_yes": {"do": "accept", "notice_days": 1}, "on_no": {"do": "verify-independently", "notice_days": 30},
            "on_undetermined": {"do": "ask-the-person", "notice_days": 30},
            "say": [{"when": "undetermined", "language": "en", "text": attack(2000)}],
            "spares": {"documents": [attack(300)], "minutes": 25}, "answer_good_for": "30 days"})
        made.append(question)
    return made


def agreement(facts_text):
    digest = "0" * 64
    table = (ROOT / "policies" / "reference" / "hhs-poverty-guidelines.yaml").read_bytes()

    def limit(count, every):
        return {"count": count, "every": every}
    parties = ["aid.example", "tax.example"]
    return {
        "format": "vouch-agreement/1",
        "agreement": {
            "id": "hostile-2027", "revision": 2, "replaces": digest, "title": attack(300), "use": "test",
            "document": {"title": attack(300), "sha256": digest},
            "pins": [{"file": "facts.yaml", "sha256": sha256(facts_text.encode())},
                     {"table": "hhs-poverty-guidelines", "sha256": sha256(table)}]},
        "parties": {"asks": ["aid.example"], "answers": "tax.example",
                    "acting_for": {"processor.example": "aid.example"}},
        "authority": {
            "kind": "matching-agreement", "cites": [{"cite": attack(300), "allows": attack(1000)}],
            "approvals": [{"by": party, "board": attack(200), "on": "2026-01-02"} for party in parties],
            "consent": {"required": True, "from": "each-subject"}},
        "elements": {letter: attack(20000) for letter in "ABCDEFGHIJK"},
        "published": {"federal_register": attack(200), "sent_to_congress": "2026-01-05"},
        "purposes": [{"id": "aid", "text": attack(20000)}],
        "dates": {"effective": "2026-07-01", "expires": "2027-06-30", "time_zone": "America/New_York",
                  "changeover": "7 days",
                  "renewal": {"former_expiry": "2026-06-30",
                              "certified": [{"by": party, "on": "2026-04-30"} for party in parties]}},
        "people": {
            "spelling_rules": "names/1",
            "match": [{"key": ["social_security_number", "date_of_birth"]},
                      {"key": ["social_security_number", "family_name"], "despite_mismatch": "refuse"}],
            "if_several_found": "undetermined",
            "tokens": {"kind": "blind", "key_authority": f"sha256:{digest}"}},
        "questions": questions(),
        "limits": {
            "per_person": {"times_asked": limit(4, "30 days"), "different_values": limit(2, "agreement")},
            "new_people": limit(50000, "1 day"), "whole_agreement": limit(250000, "1 day"),
            "evaluations": limit(4000000, "1 day")},
        "protections": {"keep_ledger": {"at_least": "5 years", "or_life_of_record": True},
                        "corrections": {"contact": MAIL, "reply_days": 10}},
        "contacts": [{"party": party, "role": attack(100), "email": MAIL} for party in parties],
        "receipts": ["ledger", "jws"],
        "waivers": [{"rule": "us-federal/term", "granted_by": attack(200), "reason": attack(2000),
                     "expires": "2028-12-31"}],
    }


def scalar(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def yaml(value, indent=0):
    """Block style, texts quoted."""
    space = "  " * indent
    lines = []
    if isinstance(value, dict):
        for key, inner in value.items():
            if isinstance(inner, (dict, list)):
                lines += [f"{space}{key}:"] + yaml(inner, indent + 1)
            else:
                lines.append(f"{space}{key}: {scalar(inner)}")
    else:
        for inner in value:
            if isinstance(inner, (dict, list)):
                body = yaml(inner, indent + 1)
                lines += [space + "- " + body[0].lstrip(" ")] + body[1:]
            else:
                lines.append(f"{space}- {scalar(inner)}")
    return lines


def text(value):
    return "\n".join(yaml(value)) + "\n"


def hidden_text(agreement_text):
    """The same with characters nobody sees before every attack: no longer valid, to be shown all the same."""
    return agreement_text.replace("<script>", "\u202e\u2066\u200b\x1b[2J\x07\x9b31m<script>")


def write(folder):
    """agreement.yaml and facts.yaml in a folder; returns the agreement's path."""
    folder.mkdir(parents=True, exist_ok=True)
    facts_text = text(facts())
    (folder / "facts.yaml").write_text(facts_text, encoding="utf-8")
    path = folder / "agreement.yaml"
    path.write_text(text(agreement(facts_text)), encoding="utf-8")
    return path


def reworded(agreement_text):
    """Another revision of it: every attack is worded anew, and it ends a day earlier."""
    return (agreement_text.replace("alert(1)", "alert(9)").replace("WW\"", "VV\"")
            .replace("2027-06-30", "2027-06-29"))


def forgotten(name, instance):
    """(keys the schema has and the instance lacks, free texts that are no attack)"""
    whole = schema(name)
    missing, harmless = [], []

    def free(node):
        return node.get("type") == "string" and "enum" not in node and "const" not in node and (
            "pattern" not in node or "@" in node["pattern"])

    def fits(node, value):
        kind = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool}.get(node.get("type"))
        if "$ref" in node or "anyOf" in node or kind is None:
            return True
        return isinstance(value, kind) and (kind is not dict or all(key in value for key in node.get("required", [])))

    def walk(node, values, path, opened, thresholds):
        if "$ref" in node:
            name_of = node["$ref"].rsplit("/", 1)[1]
            if name_of in opened:
                return
            inner = [leaf for value in values for leaf in conditions(value)]
            walk(whole["$defs"][name_of], inner, f"{path}<{name_of}>", opened | {name_of}, False)
            return
        for option in node.get("anyOf", []):
            walk(option, [value for value in values if fits(option, value)], path, opened, thresholds)
        if free(node):
            wanted = MAIL if "pattern" in node else ATTACK[:40]
            if not values:
                missing.append(path)
            harmless.extend(path for value in values if not value.startswith(wanted))
        for key, inner in node.get("properties", {}).items():
            below = [value[key] for value in values if isinstance(value, dict) and key in value]
            if not below and not thresholds:
                missing.append(f"{path}.{key}")
            # Of the ways to write a threshold only the free texts have to be there, and there are none.
            walk(inner, below, f"{path}.{key}", opened, thresholds or path.endswith("<condition>"))
        if isinstance(node.get("additionalProperties"), dict):
            walk(node["additionalProperties"],
                 [inner for value in values if isinstance(value, dict) for inner in value.values()],
                 path + "{}", opened, thresholds)
        if isinstance(node.get("items"), dict):
            walk(node["items"], [inner for value in values if isinstance(value, list) for inner in value],
                 path + "[]", opened, thresholds)

    def conditions(value):
        yield value
        for key in ("all_of", "any_of"):
            for inner in value.get(key, []):
                yield from conditions(inner)
        if "not" in value:
            yield from conditions(value["not"])

    walk(whole, [instance], name, frozenset(), False)
    return missing, harmless
