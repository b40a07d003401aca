"""`vouch agreement open` as a running page."""

import http.client
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
VOUCH = os.path.join(os.environ["VOUCH_PROGRAMS"], "vouch")
INCOME = ROOT / "policies" / "templates" / "income-for-student-aid"


def vouch(*arguments, folder=None):
    return subprocess.run([VOUCH, *map(str, arguments)], cwd=folder, capture_output=True, timeout=60)


class Folder:
    """A folder of a test's own, with a template in it."""

    def __init__(self, template=INCOME):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="vouch-pages-"))
        if template is not None:
            for name in ("agreement.yaml", "facts.yaml"):
                shutil.copy(template / name, self.path / name)
        self.agreement = self.path / "agreement.yaml"

    def close(self):
        shutil.rmtree(self.path, ignore_errors=True)


class Served:
    def __init__(self, path, *arguments):
        self.process = subprocess.Popen([VOUCH, "agreement", "open", str(path), *arguments],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.address = self.process.stdout.readline().strip()
        parts = urllib.parse.urlsplit(self.address)
        self.host, self.port, self.path = parts.netloc, parts.port, parts.path

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()
        return self.process.returncode

    def request(self, method, path=None, headers=None, body=None, host=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.putrequest(method, self.path if path is None else path, skip_host=True,
                                  skip_accept_encoding=True)
            for one in [self.host] if host is None else host:
                connection.putheader("Host", one)
            for name, value in (headers or {}).items():
                connection.putheader(name, value)
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            try:
                connection.endheaders(body)
            except (BrokenPipeError, ConnectionResetError):
                pass  # refused before the body was read
            reply = connection.getresponse()
            return reply.status, dict(reply.getheaders()), reply.read().decode("utf-8", "replace")
        finally:
            connection.close()

    def get(self, path=None, headers=None, host=None):
        return self.request("GET", path, headers, None, host)

    def post(self, fields, headers=None, host=None):
        boundary = "page-test-boundary"
        body = b"".join(
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode() + value.encode() + b"\r\n"
            for name, value in fields.items()) + f"--{boundary}--\r\n".encode()
        sent = {"Origin": f"http://{self.host}", "Sec-Fetch-Site": "same-origin",
                "Content-Type": f"multipart/form-data; boundary={boundary}"}
        sent.update(headers or {})
        return self.request("POST", None, {name: value for name, value in sent.items() if value is not None}, body, host)

    def form(self):
        """The fields that the page's own form would send."""
        page = self.get()[2]
        return {"token": re.search(r'name="token" value="([0-9a-f]+)"', page)[1],
                "based_on": re.search(r'name="based_on" value="([0-9a-f]+)"', page)[1]}
