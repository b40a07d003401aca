"""The requester's half of RFC 9497's VOPRF(P-256, SHA-256), from docs/protocol-blind.md alone, so that
a scenario's requester owes the project no code. It checks no proof, and is anything but constant in
time: for tests.
"""

import hashlib
import secrets

P = 2**256 - 2**224 + 2**192 + 2**96 - 1
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
A, B, Z = P - 3, 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B, P - 10
CONTEXT = b"OPRFV1-\x01-P256-SHA256"
ZERO = bytes(32)


def _expand(message, tag, size):
    """expand_message_xmd of RFC 9380, section 5.3.1."""
    tag += bytes([len(tag)])
    first = hashlib.sha256(bytes(64) + message + size.to_bytes(2, "big") + b"\0" + tag).digest()
    out, last = b"", bytes(32)
    for count in range(1, size // 32 + 1):
        mixed = bytes(a ^ b for a, b in zip(first, last))
        last = hashlib.sha256(mixed + bytes([count]) + tag).digest()
        out += last
    return out


def _root(square):
    """A square root, or None."""
    root = pow(square, (P + 1) // 4, P)
    return root if root * root % P == square else None


def _map(u):
    """The simplified map of Shallue, van de Woestijne and Ulas, RFC 9380, section 6.6.2."""
    zu = Z * u * u % P
    t = (zu * zu + zu) % P
    x = -B * pow(A, -1, P) * (1 + pow(t, -1, P)) % P if t else B * pow(Z * A, -1, P) % P
    y = _root((x**3 + A * x + B) % P)
    if y is None:
        x = zu * x % P
        y = _root((x**3 + A * x + B) % P)
    return (x, y if y % 2 == u % 2 else P - y)


def _add(one, other):
    if one is None or other is None:
        return one or other
    (x1, y1), (x2, y2) = one, other
    if x1 == x2:
        if (y1 + y2) % P == 0:
            return None
        slope = (3 * x1 * x1 + A) * pow(2 * y1, -1, P) % P
    else:
        slope = (y2 - y1) * pow(x2 - x1, -1, P) % P
    x = (slope * slope - x1 - x2) % P
    return (x, (slope * (x1 - x) - y1) % P)


def _multiply(scalar, point):
    product = None
    for bit in bin(scalar)[2:]:
        product = _add(product, product)
        if bit == "1":
            product = _add(product, point)
    return product


def _encode(point):
    return bytes([2 + point[1] % 2]) + point[0].to_bytes(32, "big")


def _decode(data):
    x = int.from_bytes(data[1:], "big")
    y = _root((x**3 + A * x + B) % P)
    if len(data) != 33 or data[0] not in (2, 3) or y is None:
        raise ValueError("no point of the curve")
    return (x, y if y % 2 == data[0] % 2 else P - y)


def hash_to_group(message):
    u = _expand(message, b"HashToGroup-" + CONTEXT, 96)
    return _add(*(_map(int.from_bytes(half, "big") % P) for half in (u[:48], u[48:])))


class Blinded:
    """One input on its way; None: a key that cannot be formed, which sends a random element."""

    def __init__(self, message, scalar=None):
        self._message, self._blind = message, scalar or 1 + secrets.randbelow(N - 1)
        point = hash_to_group(secrets.token_bytes(32) if message is None else message)
        self.element = _encode(_multiply(self._blind, point))

    def token(self, evaluated):
        if self._message is None:
            return ZERO
        point = _encode(_multiply(pow(self._blind, -1, N), _decode(evaluated)))
        return hashlib.sha256(len(self._message).to_bytes(2, "big") + self._message +
                              (33).to_bytes(2, "big") + point + b"Finalize").digest()
