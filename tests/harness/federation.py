"""Federations of real nodes: folders made by `vouch`, `vouchd` processes with real TLS, taps.

    with Federation() as federation:
        tax = federation.node("tax.example")
        aid = federation.node("aid.example")
        federation.introduce(tax, aid)
        agreement = federation.agree(text, facts, asker=aid, responder=tax)
        tax.load(mapping, csv)
        tax.start()
        client = aid.client(tax)

Everything lies in one folder, waits are bounded, and leaving the block stops every process that was
started, also after a failure.
"""

import atexit
import ctypes
import hashlib
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import blind  # noqa: E402
import templates  # noqa: E402
import tokens as token_maker  # noqa: E402
import wire  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAMS = pathlib.Path(os.environ.get("VOUCH_PROGRAMS", ROOT / "build/bin"))
NO_FINGERPRINT = "0" * 64


class HarnessError(Exception):
    """The federation does not do what a test or demonstration needs; says what and where."""


def wait_until(what, condition, seconds=20):
    """Polls `condition` until it holds; HarnessError names `what` after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        held = condition()
        if held:
            return held
        if time.monotonic() > end:
            raise HarnessError(f"waited {seconds} seconds for {what}")
        time.sleep(0.02)


def run(*command, stdin=None, accept=(0,), timeout=300):
    """Runs a program of the project; HarnessError shows what it said when it failed."""
    command = [str(PROGRAMS / command[0]), *map(str, command[1:])]
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=timeout)
    if done.returncode not in accept:
        raise HarnessError(f"{' '.join(command)}\nexited {done.returncode}\n"
                           f"{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done


def free_port():
    """A port free at this moment, for programs that cannot pick one and say so."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1


def _die_with_parent():
    """In a started program: killed when the script goes, be it by kill -9."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Process:
    """One program, its output in a file, stopped at the latest when the federation ends, and killed
    if this script is. To be started from the main thread: the kernel ties it to that.

    It inherits Python's ignoring of SIGXFSZ, so that a full disk can be shown by a size limit.
    """

    def __init__(self, command, output, environment=None):
        self.command, self.output = [str(part) for part in command], pathlib.Path(output)
        with open(self.output, "ab") as log:
            self.popen = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log,
                                          stderr=log, start_new_session=True,
                                          env={**os.environ, **(environment or {})},
                                          restore_signals=False, preexec_fn=_die_with_parent)

    def running(self):
        return self.popen.poll() is None

    def must_run(self):
        if not self.running():
            raise HarnessError(f"{' '.join(self.command)} ended with {self.popen.returncode}:\n"
                               f"{self.output.read_text(errors='replace')[-3000:]}")
        return True

    def stop(self, seconds=20):
        """Asks it to end; kills it when it does not. Its exit status."""
        if self.running():
            self.popen.send_signal(signal.SIGTERM)
            try:
                self.popen.wait(seconds)
            except subprocess.TimeoutExpired:
                self.kill()
        return self.popen.returncode

    def kill(self):
        if self.running():
            self.popen.kill()
        self.popen.wait(20)


class Agreement:
    """An agreement both sides hold."""

    def __init__(self, folder, agreement_id, asker, responder):
        self.id, self.asker, self.responder = agreement_id, asker, responder
        self.name = folder
        self.epoch = 1
        self._blind = {}
        self.reread()

    def reread(self):
        path = self.responder.folder / "agreements" / self.name / "agreement.yaml"
        self.text = path.read_text(encoding="utf-8")
        self.digest = hashlib.sha256(path.read_bytes()).digest()
        self.match = [re.findall(r'"([^"]+)"', keys)
                      for keys in re.findall(r"^\s+- \{key: \[([^\]]*)\]", self.text, re.M)]
        self.keyed_hash = 'kind: "keyed-hash"' in self.text
        self.purpose = re.search(r'purposes:\n\s+- id: "([^"]+)"', self.text)[1]
        self.questions = re.findall(r'^  - id: "([^"]+)"\n    ask:', self.text, re.M)

    def secret(self, epoch=None):
        """The asker's keyed-hash key."""
        epoch = epoch or self.epoch
        path = self.asker.folder / "keys/tokens" / self.id / str(epoch) / "secret.key"
        return bytes.fromhex(path.read_text().strip())

    def tokens(self, person, epoch=None):
        """Tokens of a person (a CSV row): keyed-hash by the asker's key, blind with the responder's
        help, which is asked for once for each person and epoch."""
        epoch = epoch or self.epoch
        if self.keyed_hash:
            return token_maker.token_vector(self.secret(epoch), self.id, self.asker.agency, epoch,
                                            self.match, person)
        inputs = token_maker.input_vector("test", self.id, epoch, self.match, person)
        if tuple(inputs) not in self._blind:
            self._blind[tuple(inputs)] = self._evaluated(inputs, epoch)
        return list(self._blind[tuple(inputs)])

    def _evaluated(self, inputs, epoch):
        blinded = [blind.Blinded(one) for one in inputs]
        client = self.asker.client(self.responder)
        try:
            response = client.evaluate(wire.blinding.EvaluateRequest(
                request_id=wire.uuid7(), agreement_id=self.id, agreement_digest=self.digest,
                epoch=epoch, elements=b"".join(one.element for one in blinded)))
        finally:
            client.close()
        return [one.token(response.elements[33 * place:33 * place + 33])
                for place, one in enumerate(blinded)]

    def question(self, question=None, purpose=None, epoch=None):
        return wire.messages.Question(
            agreement_id=self.id, agreement_digest=self.digest,
            question=question or self.questions[0], purpose=purpose or self.purpose,
            epoch=epoch or self.epoch)

    def parameters(self, values):
        out = []
        for name, value in values.items():
            if isinstance(value, int):
                out.append(wire.messages.Parameter(name=name, number=value))
            else:
                out.append(wire.messages.Parameter(name=name, code=value))
        return out

    def request(self, tokens, parameters=None, request_id=None, **question):
        """A VerifyRequest about one person."""
        return wire.messages.VerifyRequest(
            request_id=wire.uuid7() if request_id is None else request_id,
            question=self.question(**question), parameters=self.parameters(parameters or {}),
            subject=wire.messages.Subject(tokens=b"".join(tokens), member_count=1))

    def batch_request(self, items, request_id=None, **question):
        """A VerifyBatchRequest about (tokens, parameters) pairs."""
        request = wire.messages.VerifyBatchRequest(
            request_id=request_id or wire.uuid7(), question=self.question(**question))
        for tokens, parameters in items:
            request.items.add(
                parameters=self.parameters(parameters or {}),
                subject=wire.messages.Subject(tokens=b"".join(tokens), member_count=1))
        return request


class Node:
    """One agency's node: its folder, and its vouchd while it runs."""

    def __init__(self, federation, agency, settings):
        self.federation, self.agency = federation, agency
        self.name = agency.split(".")[0]
        self.folder = federation.folder / self.name
        self.process = self.port = self.metrics_port = None
        self.log = federation.folder / f"{self.name}.log"
        run("vouch", "init", self.folder, "--agency", agency, "--listen", "127.0.0.1:0")
        self.set(metrics="127.0.0.1:0", drain_seconds=2, **settings)

    def set(self, **settings):
        """Settings of node.yaml; a running node takes most of them up at its next start."""
        path = self.folder / "node.yaml"
        text = path.read_text()
        for name, value in settings.items():
            line = f'{name}: "{value}"' if isinstance(value, str) else f"{name}: {value}"
            text, count = re.subn(rf"^{name}: .*$", line, text, flags=re.M)
            if count == 0:
                text = re.sub(r"^listen: .*$", rf"\g<0>\n{line}", text, count=1, flags=re.M)
        path.write_text(text)

    def set_partner(self, agency, **settings):
        """Settings of one partner in node.yaml."""
        path = self.folder / "node.yaml"
        text = path.read_text()
        for name, value in settings.items():
            line = f'    {name}: "{value}"' if isinstance(value, str) else f"    {name}: {value}"
            item = re.search(rf'^  - agency: "{re.escape(agency)}"\n((?:    .*\n?)*)', text, re.M)
            if item is None:
                raise HarnessError(f"{agency} is no partner of {self.agency}")
            body = re.sub(rf"^    {name}: .*\n?", "", item[1], flags=re.M)
            text = text[:item.start(1)] + line + "\n" + body + text[item.end(1):]
        path.write_text(text)

    @property
    def certificate(self):
        return self.folder / "tls/node.pem"

    @property
    def key(self):
        return self.folder / "tls/node.key"

    @property
    def authority(self):
        return self.folder / "tls/authority.pem"

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def load(self, mapping, csv, *more, timeout=900):
        """Loads records; waits while the node builds an index in the same folder."""
        done = None

        def loaded():
            nonlocal done
            done = run("vouch", "records", "load", "--node", self.folder, "--mapping", mapping,
                       "--input", csv, *more, accept=range(256), timeout=timeout)
            return done.returncode == 0 or "under way" not in done.stderr

        wait_until(f"{self.name}'s records to be free for a load", loaded, 120)
        if done.returncode != 0:
            raise HarnessError(f"records load exited {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def start(self, seconds=60, environment=None, options=()):
        """Starts vouchd, and returns when it listens."""
        for name in ("listen", "metrics"):
            (self.folder / "run" / name).unlink(missing_ok=True)
        self.process = Process([PROGRAMS / "vouchd", "--node", self.folder, *options],
                               self.log, environment)
        self.federation.processes.append(self.process)
        listen = self.folder / "run/listen"
        wait_until(f"{self.name} to listen",
                   lambda: self.process.must_run() and listen.exists(), seconds)
        self.port = int(listen.read_text())
        self.metrics_port = int((self.folder / "run/metrics").read_text())
        return self

    def stop(self):
        return self.process.stop()

    def kill(self):
        self.process.kill()

    def reload(self):
        self.process.popen.send_signal(signal.SIGHUP)

    def metrics(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics",
                                    timeout=10) as page:
            return page.read().decode()

    def gauge(self, name):
        """A gauge of the node, at most a few seconds old."""
        found = re.findall(rf'what="{name}"\}} ([0-9.e+-]+)$', self.metrics(), re.M)
        if not found:
            raise HarnessError(f"{self.name} has no gauge {name}")
        return float(found[0])

    def client(self, responder, address=None, certificate=None, key=None):
        """Calls to `responder` in this agency's name."""
        return wire.Client(address or responder.address, certificate or self.certificate,
                           key or self.key, responder.authority)

    def wait_ready(self, agreement, epoch=None, seconds=300):
        """Until the agreement is in force here with that epoch's index complete."""
        client = agreement.asker.client(self)
        epoch = epoch or agreement.epoch

        def ready():
            self.process.must_run()
            try:
                listed = client.list_agreements(agreement.id).agreements
            except wire.Refusal:
                return False
            return any(one.state in (3, 4) and one.HasField("current") for one in listed)

        try:
            wait_until(f"{agreement.id} to be ready at {self.name}", ready, seconds)
        finally:
            client.close()


class Federation:
    """Nodes in one folder. `keep`: a folder that stays; otherwise a temporary one that goes."""

    def __init__(self, keep=None):
        self.keep = keep is not None
        if keep is not None:
            pathlib.Path(keep).mkdir(parents=True, exist_ok=True)
        self.folder = pathlib.Path(keep or tempfile.mkdtemp(prefix="vouch-federation-")).resolve()
        self.processes, self.nodes = [], {}
        # A test that takes too long is sent SIGTERM: clean up then, too.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped by a signal"))
        atexit.register(self.__exit__, None)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        for process in self.processes:
            if process.running():
                process.popen.send_signal(signal.SIGTERM)
        for process in self.processes:
            process.stop(10)
        if kind is not None:
            for node in self.nodes.values():
                if node.log.exists():
                    sys.stderr.write(f"--- {node.log.name}\n"
                                     f"{node.log.read_text(errors='replace')[-2000:]}\n")
        if not self.keep:
            shutil.rmtree(self.folder, ignore_errors=True)

    def node(self, agency, **settings):
        self.nodes[agency] = Node(self, agency, settings)
        return self.nodes[agency]

    def introduce(self, one, other, address=None):
        """Each learns the other's anchors and encryption certificate."""
        for this, that in ((one, other), (other, one)):
            export = self.folder / f"{that.name}-for-{this.name}"
            run("vouch", "partner", "export", "--node", that.folder, "--output", export)
            run("vouch", "partner", "add", "--node", this.folder, "--agency", that.agency,
                "--anchors", export / "anchors.pem", "--encryption-certificate",
                export / "encryption.pem", "--ledger-key", export / "ledger.pem",
                "--receipt-key", export / "receipt.pem", "--signing-anchors",
                export / "signing.pem", "--officers", export / "officers.txt")

    def key_authority(self, responder):
        done = run("vouch", "keys", "fingerprint", "--node", responder.folder)
        return re.search(r"sha256:[0-9a-f]{64}", done.stdout)[0]

    def agree(self, text, facts, asker, responder, name=None, epoch=True):
        """Puts an agreement (its text with key_authority and pins filled in here) and its fact
        catalogue into both nodes' folders, signed by both officers, and makes token epoch 1."""
        agreement_id = re.search(r'^agreement:\n  id: "([^"]+)"', text, re.M)[1]
        text = re.sub(r'key_authority: "sha256:[0-9a-f]{64}"',
                      f'key_authority: "{self.key_authority(responder)}"', text)
        pin = hashlib.sha256(facts.encode()).hexdigest()
        text = re.sub(r'\{file: "facts.yaml", sha256: "[0-9a-f]{64}"\}',
                      f'{{file: "facts.yaml", sha256: "{pin}"}}', text)
        folder = name or agreement_id
        self.place(folder, text, facts, asker, responder)
        agreement = Agreement(folder, agreement_id, asker, responder)
        if epoch:
            self.make_epoch(agreement, 1)
        return agreement

    def sign(self, text, facts, *nodes):
        """{file name: signature} of an agreement by the development officer of each node."""
        signing = pathlib.Path(tempfile.mkdtemp(prefix="signing-", dir=self.folder))
        (signing / "facts.yaml").write_text(facts, encoding="utf-8")
        for table in (nodes[0].folder / "agreements/tables").iterdir():
            shutil.copyfile(table, signing / table.name)
        path = signing / "agreement.yaml"
        path.write_text(text, encoding="utf-8")
        for node in nodes:
            run("vouch", "agreement", "sign", path, "--agency", node.agency,
                "--key", node.folder / "signing/officer.key",
                "--certificate", node.folder / "signing/officer.pem")
        return {f"agreement.yaml.{node.agency}.p7s":
                (signing / f"agreement.yaml.{node.agency}.p7s").read_text() for node in nodes}

    def place(self, folder, text, facts, *nodes, signatures=None):
        """Writes an agreement's folder whole into each node's, catalogue first, the agreement once
        its signatures are there: those given, or of the officers of its parties."""
        if signatures is None:
            parties = [self.nodes[agency] for agency in dict.fromkeys(
                re.findall(r'"([^"]+)"', "".join(re.findall(
                    r"^  (?:asks|answers): (.*)$", text, re.M)))) if agency in self.nodes]
            signatures = self.sign(text, facts, *parties)
        for node in nodes:
            home = node.folder / "agreements" / folder
            home.mkdir(exist_ok=True)
            for name, contents in (("facts.yaml", facts), *signatures.items(),
                                   ("agreement.yaml", text)):
                fresh = home / f".{name}.new"
                fresh.write_text(contents, encoding="utf-8")
                fresh.rename(home / name)

    def make_epoch(self, agreement, epoch, not_before=None):
        """Creates, announces and, for keyed-hash, delivers one token epoch, in force since
        `not_before` (default: yesterday, so that tests may set clocks back)."""
        not_before = not_before or templates.day(-1)
        responder, asker = agreement.responder, agreement.asker
        which = ("--agreement", agreement.id, "--epoch", str(epoch))
        extra = ["--asker", asker.agency] if agreement.keyed_hash else []
        extra += ["--not-before", not_before]
        run("vouch", "keys", "create", "--node", responder.folder, *which)
        run("vouch", "keys", "statement", "--node", responder.folder, *which, "--authority-key",
            responder.folder / "authority/authority.key", *extra)
        if agreement.keyed_hash:
            delivery = self.folder / f"delivery-{agreement.id}-{epoch}"
            run("vouch", "keys", "share", "--node", responder.folder, *which, "--output", delivery)
            run("vouch", "keys", "accept", "--node", asker.folder, "--statement",
                delivery / "statement.txt", "--key", delivery / "key.p7m")

    def tap(self, requester, responder):
        """A vouch-tap between the two. Its address and recording."""
        recording = self.folder / f"{requester.name}-{responder.name}.tap"
        port_file = self.folder / f"{requester.name}-{responder.name}.port"
        port_file.unlink(missing_ok=True)
        process = Process(
            [PROGRAMS / "vouch-tap", "--to", responder.address, "--output", recording,
             "--port-file", port_file,
             "--certificate", responder.certificate, "--key", responder.key,
             "--requester-anchors", requester.authority,
             "--client-certificate", requester.certificate, "--client-key", requester.key,
             "--responder-anchors", responder.authority],
            recording.with_suffix(".log"))
        self.processes.append(process)
        wait_until("the tap to listen", lambda: process.must_run() and port_file.exists())
        return f"127.0.0.1:{port_file.read_text().strip()}", recording
