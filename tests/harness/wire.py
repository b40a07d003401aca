"""Calls to a node from Python: messages, channels with a requester's certificate, refusals.

The messages are generated from proto/ at first use, into the build folder.
"""

import base64
import hashlib
import importlib
import os
import pathlib
import secrets
import subprocess
import sys
import time

import grpc

ROOT = pathlib.Path(__file__).resolve().parents[2]


def _load_messages():
    """Imports vouch.v1's messages, generating them when proto/ has changed."""
    sources = sorted((ROOT / "proto/vouch/v1").glob("*.proto"))
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:16]
    folder = ROOT / "build/python" / digest
    if not folder.exists():
        fresh = folder.with_name(f"{folder.name}.{os.getpid()}")
        fresh.mkdir(parents=True)
        subprocess.run(["protoc", "-I", ROOT / "proto", f"--python_out={fresh}", *sources],
                       check=True)
        try:
            fresh.rename(folder)
        except OSError:  # another process was faster; its files are the same
            subprocess.run(["rm", "-r", fresh], check=True)
    sys.path.insert(0, str(folder))
    return (importlib.import_module("vouch.v1.verification_pb2"),
            importlib.import_module("vouch.v1.blinding_pb2"))


messages, blinding = _load_messages()

REASONS = ("NOT_PERMITTED", "AGREEMENT_NOT_IN_FORCE", "AGREEMENT_MISMATCH", "BAD_REQUEST_ID",
           "MALFORMED", "NOT_IN_AGREEMENT", "PERSON_LIMIT", "AGREEMENT_LIMIT", "BUSY", "KEY_EPOCH",
           "NOT_READY", "REQUEST_ID_REUSED", "LEDGER_UNAVAILABLE", "CERTIFICATE")
ANSWERS = {1: "YES", 2: "NO", 3: "UNDETERMINED"}


def uuid7(at=None):
    """A request id: 16 bytes whose first 48 bits are milliseconds since 1970."""
    milliseconds = int((time.time() if at is None else at) * 1000)
    tail = bytearray(secrets.token_bytes(10))
    tail[0] = 0x70 | tail[0] & 0x0F
    tail[2] = 0x80 | tail[2] & 0x3F
    return milliseconds.to_bytes(6, "big") + bytes(tail)


def _fields(data):
    """(number, value) of a protobuf message's fields; enough for google.rpc.Status."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(data):
        key = varint()
        if key & 7 == 0:
            yield key >> 3, varint()
        elif key & 7 == 2:
            size = varint()
            yield key >> 3, data[at:at + size]
            at += size
        else:
            raise ValueError("a wire type this reader does not know")


def said(response):
    """What an answer says for ever: all but its place under the log's head of the moment."""
    answered = messages.Answered()
    answered.CopyFrom(response.answered)
    answered.receipt.ClearField("proof")
    return answered


def receipt_said(receipt):
    """The same of a receipt as `vouch ask --json` prints it."""
    read = messages.Receipt.FromString(base64.b64decode(receipt))
    read.ClearField("proof")
    return read


class Refusal(Exception):
    """No answer: code and reason as the caller gets them."""

    def __init__(self, code, reason, message, field="", expected="", details=b""):
        super().__init__(f"{code} {reason}: {message}")
        self.code, self.reason, self.message = code, reason, message
        self.field, self.expected, self.details = field, expected, details

    def key(self):
        """What must not depend on whom the call was about."""
        return (self.code, self.reason, self.message, self.field, self.expected)


def refusal_of(error):
    """The Refusal in an RpcError; reason TRANSPORT when no responder said anything."""
    details = b""
    for name, value in error.trailing_metadata() or ():
        if name == "grpc-status-details-bin":
            details = value
    reason, field, expected = "TRANSPORT", "", ""
    for number, value in _fields(details):
        if number != 3:
            continue
        packed = dict(_fields(value))
        kind = packed[1].decode().rsplit(".", 1)[-1]
        inner = list(_fields(packed.get(2, b"")))
        if kind == "ErrorInfo":
            for n, v in inner:
                if n == 1:
                    reason = v.decode()
                elif n == 3:
                    pair = dict(_fields(v))
                    if pair.get(1) == b"expected":
                        expected = pair[2].decode()
        elif kind == "BadRequest":
            for n, v in inner:
                field = dict(_fields(v)).get(1, b"").decode()
    return Refusal(error.code().name, reason, error.details(), field, expected, details)


class Client:
    """Asks one node, with one requester's certificate. `address` may be a tap's."""

    def __init__(self, address, certificate, key, anchors):
        read = lambda path: pathlib.Path(path).read_bytes()
        credentials = grpc.ssl_channel_credentials(read(anchors), read(key), read(certificate))
        self.channel = grpc.secure_channel(address, credentials, options=(
            ("grpc.ssl_target_name_override", "localhost"),
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.enable_retries", 0),
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.max_reconnect_backoff_ms", 300),
            ("grpc.max_receive_message_length", 64 << 20)))
        m, b = messages, blinding

        def unary(path, request, response):
            return self.channel.unary_unary(path, request.SerializeToString, response.FromString)

        self._verify = unary("/vouch.v1.Verification/Verify", m.VerifyRequest, m.VerifyResponse)
        self._list = unary("/vouch.v1.Verification/ListAgreements", m.ListAgreementsRequest,
                           m.ListAgreementsResponse)
        self._evaluate = unary("/vouch.v1.Blinding/Evaluate", b.EvaluateRequest,
                               b.EvaluateResponse)
        self._batch = self.channel.stream_stream("/vouch.v1.Verification/VerifyBatch",
                                                 m.VerifyBatchRequest.SerializeToString,
                                                 m.VerifyBatchResponse.FromString)

    def close(self):
        self.channel.close()

    @staticmethod
    def _call(method, request, timeout):
        try:
            return method(request, timeout=timeout)
        except grpc.RpcError as error:
            raise refusal_of(error) from None

    def verify(self, request, timeout=10):
        return self._call(self._verify, request, timeout)

    def verify_later(self, request, timeout=10):
        """A future; `outcome` reads it."""
        return self._verify.future(request, timeout=timeout)

    @staticmethod
    def outcome(future):
        try:
            return future.result()
        except grpc.RpcError as error:
            raise refusal_of(error) from None

    def list_agreements(self, agreement_id="", timeout=10):
        return self._call(self._list, messages.ListAgreementsRequest(agreement_id=agreement_id),
                          timeout)

    def evaluate(self, request, timeout=10):
        return self._call(self._evaluate, request, timeout)

    def batch(self, requests, timeout=60):
        """Every response to these messages."""
        try:
            return list(self._batch(iter(requests), timeout=timeout))
        except grpc.RpcError as error:
            raise refusal_of(error) from None


def raw_call(client, path, payload, timeout=10):
    """A unary call with bytes as they are; the bytes of the reply."""
    try:
        return client.channel.unary_unary(path, lambda b: b, lambda b: b)(payload, timeout=timeout)
    except grpc.RpcError as error:
        raise refusal_of(error) from None


def read_recording(path):
    """Records of a vouch-tap recording: (direction, kind, call, method, bytes)."""
    data = pathlib.Path(path).read_bytes()
    if not data.startswith(b"vouch-tap/1\n"):
        raise ValueError(f"{path} is not a recording")
    at, records = 12, []

    def take(size):
        nonlocal at
        at += size
        if at > len(data):
            raise ValueError(f"{path} ends within a record")
        return data[at - size:at]

    def number(size):
        return int.from_bytes(take(size), "big")

    while at < len(data):
        number(4)
        direction, kind, call = number(1), number(1), number(8)
        method = take(number(4)).decode()
        records.append((direction, kind, call, method, take(number(4))))
    return records
