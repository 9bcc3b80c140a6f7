"""Certificates for a server of a test, by an authority of its own."""

import os
import subprocess


def certificates(folder, host="localhost"):
    """(CA, certificate, key): files made for that host."""
    def openssl(*words):
        subprocess.run(["openssl", *words], check=True, cwd=folder, capture_output=True)
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem",
            "-days", "2", "-subj", "/CN=a test's authority")
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "csr.pem",
            "-subj", f"/CN={host}")
    with open(os.path.join(folder, "san"), "w", encoding="ascii") as file:
        file.write(f"subjectAltName=DNS:{host}")
    openssl("x509", "-req", "-in", "csr.pem", "-CA", "ca.pem", "-CAkey", "ca.key",
            "-CAcreateserial", "-days", "2", "-extfile", "san", "-out", "cert.pem")
    return [os.path.join(folder, name) for name in ("ca.pem", "cert.pem", "key.pem")]
