"""What TLS connections trust, and what went wrong with one, in OpenSSL's words."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_voucherify.api import errors

if TYPE_CHECKING:
    from airflow_provider_voucherify.api.http.settings import ApiSettings


def tls_of(settings: ApiSettings) -> bool | ssl.SSLContext:
    """Return what TLS connections trust: where the settings name nothing else, the authorities requests trusts too.

    :raises InvalidConnection: if the CA bundle cannot be read.
    """
    verify = settings.verify
    if verify is False:
        return False
    if settings.base_url.startswith("http://") and settings.proxy is None:
        return True  # nobody to verify: reading a whole bundle of authorities would be in vain
    if verify is True:
        import certifi

        verify = certifi.where()
    is_directory = Path(verify).is_dir()
    try:
        return ssl.create_default_context(
            cafile=None if is_directory else verify, capath=verify if is_directory else None
        )
    except OSError as error:
        raise errors.InvalidConnection(
            f"verify names {verify!r}, which cannot be read as a CA bundle ({type(error).__name__})"
        ) from None


def tls_failure(error: BaseException, where: str) -> errors.TransportFailed:
    """Return the error for a TLS connection that could not be made, in OpenSSL's words.

    :param error: of the module ``ssl``, where the HTTP client hands it on.
    """
    said = getattr(error, "verify_message", None) or getattr(error, "reason", None)
    text = str(said).replace("_", " ").strip(" .") if said else type(error).__name__
    message = f"the TLS connection to {where} could not be made ({text}); check the connection's verify and host"
    # A handshake that broke off, as when a server restarts, is a broken connection like others.
    is_broken_off = isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError | ssl.SSLSyscallError)
    if is_broken_off or not isinstance(error, ssl.SSLError | ssl.CertificateError):
        return errors.TransportFailed(message)
    return errors.TlsFailed(message)
