"""Token input and keyed-hash tokens in Python, by the independent implementation in tests/interop."""

import hashlib
import hmac
import importlib.util
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]


def _names1():
    spec = importlib.util.spec_from_file_location("names1", ROOT / "tests/interop/names1.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


NAMES1 = _names1()
_PAGE = NAMES1.Page(ROOT)
ZERO = bytes(32)


def identity_of(person):
    """Normal forms by attribute, from a dictionary or a CSV row; what is not valid is left out."""
    names = {"family_name": ("family_name", "former_family_name")}
    identity = {}
    for attribute in ("social_security_number", "date_of_birth", "given_name", "family_name",
                      "postal_code"):
        for column in names.get(attribute, (attribute,)):
            raw = person.get(column) or ""
            if not raw:
                continue
            try:
                normal = NAMES1.normalize(_PAGE, "names/1", "test", attribute, raw.encode())
            except NAMES1.Refused:
                continue
            identity.setdefault(attribute, []).append(normal)
    return identity


def input_vector(scope, agreement_id, epoch, match, person):
    """One token input for each match key (a list of part names each), None where it cannot be
    formed."""
    identity = identity_of(person)
    vector = []
    for number, parts in enumerate(match):
        inputs = NAMES1.token_inputs(agreement_id, scope, epoch, "names/1", number, list(parts),
                                     identity)
        vector.append(inputs[0] if inputs else None)
    return vector


def token_vector(key, agreement_id, asker, epoch, match, person):
    """One keyed-hash token for each match key, zero where it cannot be formed."""
    return [hmac.new(key, one, hashlib.sha256).digest() if one else ZERO
            for one in input_vector(f"test:{asker}", agreement_id, epoch, match, person)]
