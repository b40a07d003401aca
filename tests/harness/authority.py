"""Certificates and revocation lists from a node's development authority, by the openssl command."""

import itertools
import pathlib
import subprocess

_count = itertools.count(1)


def _openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, timeout=60)


def issue(authority, folder, agency, also=None, days=30):
    """(certificate, key) paths. `authority`: a Node whose development authority signs, or None for a
    certificate that signs itself. `agency` None: a certificate without an agency's name."""
    base = pathlib.Path(folder) / f"issued-{next(_count)}"
    key, request, certificate = (base.with_suffix(s) for s in (".key", ".csr", ".pem"))
    extensions = base.with_suffix(".ext")
    names = ["DNS:localhost"]
    names += [f"URI:spiffe://vouch/agency/{name}" for name in (agency, also) if name]
    extensions.write_text("basicConstraints = critical, CA:FALSE\n"
                          "keyUsage = critical, digitalSignature\n"
                          "extendedKeyUsage = clientAuth, serverAuth\n"
                          f"subjectAltName = {', '.join(names)}\n")
    _openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key)
    _openssl("req", "-new", "-key", key, "-subj", f"/CN={agency or 'nobody'}", "-out", request)
    signer = (("-signkey", key) if authority is None else
              ("-CA", authority.authority, "-CAkey", authority.folder / "tls/authority.key",
               "-set_serial", str(1000 + next(_count))))
    _openssl("x509", "-req", "-in", request, *signer, "-days", days, "-extfile", extensions,
             "-out", certificate)
    return certificate, key


def revocation_list(authority, revoked, output):
    """Writes a current list of the node's development authority that revokes these certificates."""
    base = authority.folder.parent / f"crl-{next(_count)}"
    base.mkdir()
    (base / "index.txt").touch()
    (base / "index.txt.attr").write_text("unique_subject = no\n")
    (base / "crlnumber").write_text(f"{next(_count):04X}\n")
    config = base / "openssl.cnf"
    config.write_text("[ca]\ndefault_ca = own\n[own]\n"
                      f"database = {base}/index.txt\ncrlnumber = {base}/crlnumber\n"
                      f"certificate = {authority.authority}\n"
                      f"private_key = {authority.folder}/tls/authority.key\n"
                      "default_md = sha256\ndefault_crl_days = 7\n")
    for certificate in revoked:
        _openssl("ca", "-config", config, "-revoke", certificate)
    fresh = output.with_suffix(".new")
    _openssl("ca", "-config", config, "-gencrl", "-out", fresh)
    fresh.rename(output)
