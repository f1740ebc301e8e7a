# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

"""Where the passphrase of the authority's key comes from.

A passphrase is never logged, and no error shows one.
"""

import contextlib
import logging
import os
import stat
import threading
from collections.abc import Callable
from collections.abc import Iterator

from oslo_config import cfg

from manila_gluster_heketi import exceptions

#: Gives the passphrase when it is needed, or None if there is none.
Source = Callable[[], bytes | None]

FILE_OPTION = 'gluster_heketi_ca_passphrase_file'
SECRET_OPTION = 'gluster_heketi_ca_passphrase_secret'  # noqa: S105  (a name)

# OpenSSL's buffer for one has 1,024 bytes with the zero at its end
# (PEM_BUFSIZE in openssl/pem.h); cryptography refuses longer ones.
_LIMIT_BYTES = 1023
_MODES = (0o400, 0o600)
# What is switched off is so for all threads.
_ALONE = threading.Lock()


def none() -> None:
    """Say that there is no passphrase."""


def from_file(path: str) -> bytes:
    """Read a file that has the passphrase in its only line.

    :raises InsecureFile: it can't be read, or others may read or change it
    :raises InvalidConfiguration: it is not one line that can be used
    """
    try:
        # A pipe without a writer would be waited for for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, 'rb') as stream:
            # The open file is asked, not the name, which could change.
            _check_file(path, os.fstat(descriptor))
            text = stream.read(_LIMIT_BYTES + 3)
    except OSError as error:
        raise exceptions.InsecureFile(
            path=path, reason=f'it can not be read: {error.strerror}'
        ) from error
    return _checked(text, FILE_OPTION, path)


def from_key_manager(secret: str, configuration: cfg.ConfigOpts) -> bytes:
    """Fetch the passphrase from a key manager, such as Barbican.

    Which one that is, and who we are there, castellan reads from the sections
    ``key_manager`` and ``barbican`` or ``vault``.

    :param secret: the id of the secret there
    :param configuration: has those sections
    :raises InvalidConfiguration: castellan is not installed, or the secret is
        not one line that can be used
    :raises KeyManagerError: the key manager does not give it to us
    """
    try:
        from castellan import key_manager
        from castellan.common import utils
    except ImportError as error:
        raise exceptions.InvalidConfiguration(
            option=SECRET_OPTION,
            value=secret,
            reason='castellan is not installed; it comes with '
            '"manila-gluster-heketi[barbican]"',
        ) from error
    try:
        credentials = utils.credential_factory(conf=configuration)
        manager = key_manager.API(configuration)
        with _unlogged():
            text: object = manager.get(credentials, secret).get_encoded()
    # Key managers are plugins, and each has the errors of its own libraries.
    except Exception as error:
        raise exceptions.KeyManagerError(
            secret=secret, reason=' '.join(str(error).split()).rstrip('.')
        ) from error
    # Barbican's client gives what is plain text as such.
    if isinstance(text, str):
        text = text.encode()
    if not isinstance(text, bytes):
        raise exceptions.KeyManagerError(
            secret=secret, reason='it has no text in it'
        )
    return _checked(text, SECRET_OPTION, secret)


@contextlib.contextmanager
def _unlogged() -> Iterator[None]:
    """Let nobody log at DEBUG meanwhile.

    There keystoneauth logs the text of each response, and the passphrase is
    one.
    """
    with _ALONE:
        before = logging.root.manager.disable
        logging.disable(max(before, logging.DEBUG))
        try:
            yield
        finally:
            logging.disable(before)


def _check_file(path: str, status: os.stat_result) -> None:
    reason = ''
    mode = stat.S_IMODE(status.st_mode)
    if not stat.S_ISREG(status.st_mode):
        reason = 'it is not a file'
    elif status.st_uid not in (0, os.geteuid()):
        reason = f'it belongs to user {status.st_uid}, not to us or root'
    elif mode not in _MODES:
        reason = f'its mode is {mode:04o}, not 0600 or 0400'
    if reason:
        raise exceptions.InsecureFile(path=path, reason=reason)


def _checked(text: bytes, option: str, value: str) -> bytes:
    # Editors and "echo" end a line, and "openssl -passin file:" stops there.
    line = text.removesuffix(b'\n').removesuffix(b'\r')
    reason = ''
    if not line:
        reason = 'there is no passphrase in it'
    elif b'\n' in line:
        reason = 'it has more than one line'
    elif len(line) > _LIMIT_BYTES:
        reason = f'the passphrase is longer than {_LIMIT_BYTES} bytes'
    if reason:
        raise exceptions.InvalidConfiguration(
            option=option, value=value, reason=reason
        )
    return line
