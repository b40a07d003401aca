"""A node's ledger over plain HTTP, as witnesses and verifiers that know nothing of it meet it."""

import http.client
import pathlib
import socket
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))

from federation import free_port  # noqa: E402
from world import World, main, run  # noqa: E402


class StaticSite(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = World(people=40, settings={"ledger_http": "127.0.0.1:0"})
        cls.tax = cls.world.tax
        cls.port = int((cls.tax.folder / "run/ledger_http").read_text())
        for person in cls.world.filers()[:12]:
            cls.world.ask(cls.world.agreement.tokens(person))
        status, _, body = cls.get("/")
        assert status == 200, (status, body)
        cls.origin = body.decode().strip()

    @classmethod
    def tearDownClass(cls):
        cls.world.close()

    @classmethod
    def get(cls, path, method="GET", body=None):
        connection = http.client.HTTPConnection("127.0.0.1", cls.port, timeout=20)
        connection.putrequest(method, path, skip_accept_encoding=True)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        answer = response.status, dict(response.getheaders()), response.read()
        connection.close()
        return answer

    def log(self, path, **more):
        return self.get(f"/{self.origin}/{path}", **more)

    def test_the_checkpoint_and_its_tiles_are_there(self):
        status, headers, note = self.log("checkpoint")
        self.assertEqual(status, 200)
        self.assertEqual(headers["Content-Type"], "text/plain; charset=utf-8")
        self.assertEqual(headers["Cache-Control"], "no-store")
        origin, size, _ = note.decode().split("\n")[:3]
        self.assertEqual(origin, self.origin)
        status, headers, tile = self.log(f"tile/0/000.p/{size}")
        self.assertEqual(status, 200)
        self.assertEqual(headers["Content-Type"], "application/octet-stream")
        self.assertEqual(len(tile), 32 * int(size))
        self.assertEqual(headers["X-Content-Type-Options"], "nosniff")
        narrower = self.log("tile/0/000.p/3")
        self.assertEqual(narrower[2], tile[:96])
        status, headers, body = self.log("checkpoint", method="HEAD")
        self.assertEqual((status, body), (200, b""))
        self.assertEqual(int(headers["Content-Length"]), len(self.log("checkpoint")[2]))

    def test_no_entry_is(self):
        for path in ("tile/entries/000", "tile/entries/000.p/3"):
            status, _, body = self.log(path)
            self.assertEqual(status, 404)
            self.assertIn(b"Entries are not served over HTTP", body)

    def test_nothing_else_is(self):
        for path in ("tile/0/001", "tile/0/000.p/300", "tile/0/0", "tile/9/000", "tile/0/x000/000",
                     "checkpoint/", "checkpoint?x", "tile/../checkpoint", "%63heckpoint", "", "tile",
                     "../../keys/ledger.key", "tile/0/000.p/0", "tile//0/000"):
            self.assertEqual(self.log(path)[0], 404, path)
        for path in ("/checkpoint", "/other.example/ledger/2026/checkpoint", "//", "/.", "*",
                     f"/{self.origin}checkpoint", f"/{self.origin}", "/" + "x" * 5000):
            self.assertIn(self.get(path)[0], (400, 404, 414), path)

    def test_nothing_is_taken(self):
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH"):
            status, headers, _ = self.log("checkpoint", method=method, body=b"")
            self.assertEqual((status, headers.get("Allow")), (405, "GET, HEAD"), method)
        self.assertIn(self.log("checkpoint", method="POST", body=b"x" * 100000)[0], (405, 413))

    def test_its_tree_verifies_under_the_logs_key(self):
        done = run("vouch", "ledger", "verify", f"http://127.0.0.1:{self.port}", "--node",
                   self.world.aid.folder)
        self.assertIn(f"{self.origin} verifies", done.stdout)
        self.assertIn("The entries themselves are not here", done.stdout)
        done = run("vouch", "ledger", "verify", f"http://127.0.0.1:{self.port}/{self.origin}/",
                   "--node", self.world.aid.folder)
        self.assertIn("verifies", done.stdout)
        self.assertEqual(run("vouch", "ledger", "verify", f"http://127.0.0.1:{free_port()}",
                             "--node", self.world.aid.folder, accept=range(256)).returncode, 1)
        self.assertIn("only http:// is read", run(
            "vouch", "ledger", "verify", "https://127.0.0.1", "--node", self.world.aid.folder,
            accept=range(256)).stderr)

    def test_who_sends_nothing_holds_nobody_up(self):
        idle = [socket.create_connection(("127.0.0.1", self.port)) for _ in range(300)]
        for half in idle[:150]:
            half.sendall(b"GET /" + self.origin.encode())
        begin = time.monotonic()
        self.assertEqual(self.log("checkpoint")[0], 200)
        self.assertLess(time.monotonic() - begin, 3)
        for one in idle:
            one.close()
        self.assertEqual(self.log("checkpoint")[0], 200)


class Restart(unittest.TestCase):
    def test_the_port_is_taken_again_and_goes_with_the_node(self):
        port = free_port()
        world = World(people=5, settings={"ledger_http": f"127.0.0.1:{port}"})
        self.addCleanup(world.close)
        for _ in range(2):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            connection.request("GET", "/")
            self.assertEqual(connection.getresponse().status, 200)
            connection.close()
            world.tax.stop()
            with socket.socket() as probe:
                self.assertNotEqual(probe.connect_ex(("127.0.0.1", port)), 0)
            world.tax.start()


if __name__ == "__main__":
    main()
