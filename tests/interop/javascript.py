"""A requester written in JavaScript from docs/protocol*.md alone asks a running node: keyed-hash and
blind tokens, over mutual TLS, with grpc-js and an independent OPRF. Its answers must be ours."""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "harness"))

from world import VALUES, World, income_template, main, run  # noqa: E402


def install():
    """The pinned packages, in a folder of their own. The protocol's files lie where the client looks."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="vouch-javascript-"))
    shutil.copytree(HERE.parents[1] / "proto", folder / "proto")
    shutil.copytree(HERE / "node", folder / "tests/interop/node",
                    ignore=shutil.ignore_patterns("node_modules"))
    client = folder / "tests/interop/node"
    done = subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=client, timeout=300,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0:
        raise AssertionError(f"npm ci failed:\n{done.stderr[-2000:]}")
    return folder, client


class JavaScript(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder, cls.client = install()
        cls.addClassCleanup(shutil.rmtree, folder, ignore_errors=True)

    def ask(self, world, person, values, keyed_hash):
        """The JavaScript client's outcome for one person (a CSV row)."""
        identity = {name: person[name]
                    for name in ("social_security_number", "date_of_birth", "given_name",
                                 "family_name", "postal_code") if person[name]}
        path = world.federation.folder / "person.json"
        path.write_text(json.dumps(identity), encoding="utf-8")
        agreement, aid = world.agreement, world.aid
        command = ["node", "ask.mjs", "--address", world.tax.address, "--agency", aid.agency,
                   "--certificate", aid.certificate, "--key", aid.key,
                   "--anchors", world.tax.authority,
                   "--agreement", aid.folder / "agreements" / agreement.name / "agreement.yaml",
                   "--accepted", world.federation.folder / "accepted.json",
                   "--question", agreement.questions[0], "--purpose", agreement.purpose,
                   "--person", path]
        if keyed_hash:
            command += ["--shared-key", aid.folder / "keys/tokens" / agreement.id / "1/secret.key"]
        for name, value in values.items():
            command += ["--parameter", f"{name}={value}"]
        done = subprocess.run([str(part) for part in command], cwd=self.client, timeout=60,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr[-2000:])
        return json.loads(done.stdout)

    def ours(self, world, person, values, *more):
        """What `vouch ask` gets for the same person."""
        identity = {name: person[name]
                    for name in ("social_security_number", "date_of_birth", "given_name",
                                 "family_name", "postal_code") if person[name]}
        agreement = world.agreement
        world.aid.set_partner(world.tax.agency, address=world.tax.address)
        command = ["vouch", "ask", "--node", world.aid.folder, "--agreement", agreement.id,
                   "--question", agreement.questions[0], "--purpose", agreement.purpose, "--json", *more]
        for name, value in values.items():
            command += ["--parameter", f"{name}={value}"]
        return json.loads(run(*command, stdin=json.dumps(identity)).stdout)

    def agree(self, kind):
        world = World(template=income_template(kind), people=60)
        self.addCleanup(world.close)
        answers = set()
        for person in world.filers()[:6]:
            theirs = self.ask(world, person, VALUES[3], kind == "keyed-hash")
            ours = self.ours(world, person, VALUES[3])
            self.assertEqual(theirs["answer"], ours["answer"])
            answers.add(theirs["answer"])
        self.assertTrue(answers & {"YES", "NO"}, "nobody was found: the tokens do not agree")

    def test_keyed_hash_tokens_find_the_same_people(self):
        self.agree("keyed-hash")

    def test_blind_tokens_of_an_independent_oprf_find_the_same_people(self):
        self.agree("blind")

    def test_jose_verifies_the_receipt_that_a_node_gave(self):
        world = World(template=income_template().jws_receipts(), people=60)
        self.addCleanup(world.close)
        given = self.ours(world, world.filers()[0], VALUES[3], "--jws")
        done = subprocess.run(
            ["node", "receipt.mjs",
             str(world.aid.folder / "partners" / world.tax.agency / "receipt.pem")],
            cwd=self.client, timeout=60, input=given["jws"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr[-2000:])
        claims = json.loads(done.stdout)
        self.assertEqual(claims["iss"], world.tax.agency)
        self.assertEqual(claims["aud"], world.aid.agency)
        self.assertEqual(claims["answer"], given["answer"])
        self.assertEqual(claims["parameters"], VALUES[3])
        self.assertEqual(claims["agreement_sha256"], world.agreement.digest.hex())
        self.assertEqual(claims["data_as_of"], given["data_as_of"])


if __name__ == "__main__":
    main()
