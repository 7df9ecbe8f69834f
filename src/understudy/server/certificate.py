"""The certificate of TLS, exchanged while the server runs."""

from __future__ import annotations

import ssl
from pathlib import Path

from understudy.errors import SettingError

FILE_LIMIT = 1 << 20


class Certificate:
    """A certificate and its key, of ``files``, as they were when both last fitted each other. ``context``
    encrypts connections with it. SettingError where they are no pair in PEM form."""

    def __init__(self, files: tuple[Path, Path]) -> None:
        self.files = files
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self.load()

    def load(self) -> None:
        """Let new connections have what the files hold now; SettingError leaves it as it was."""
        certificate, key = self.files
        try:
            # Tried apart first: one that does not fit its key would leave the context with half of it.
            trial = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            trial.load_cert_chain(certificate, key, password=_no_password)
            pem = certificate.read_bytes()[:FILE_LIMIT], key.read_bytes()[:FILE_LIMIT]
            self.context.load_cert_chain(certificate, key, password=_no_password)
        except (OSError, ValueError) as error:
            raise SettingError(
                "The certificate of TLS cannot be used.",
                expected="a certificate and its key, without a password, as PEM files",
                found=str(error),
                where=f"--tls-cert {certificate} --tls-key {key}",
            ) from error
        self._pem = pem

    def read(self) -> tuple[bytes, bytes]:
        """Certificate and key, PEM."""
        return self._pem


def _no_password() -> str:
    """Instead of a question on the terminal, which nobody would see."""
    raise ValueError("the key has a password")
