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

"""An operator's own authority: judged before anything of it is kept."""

import contextlib
from collections.abc import Iterator

from cryptography import x509

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.tls import ca
from manila_gluster_heketi.tls import chain as chains
from manila_gluster_heketi.tls import encoding
from manila_gluster_heketi.tls import keys
from manila_gluster_heketi.tls import keystore
from manila_gluster_heketi.tls import policy
from manila_gluster_heketi.tls import rehearsal

_CERTIFICATE = '--certificate'
_CHAIN = '--chain'
_KEY = '--key'


def read(
    certificate: str, key: str, chain: str, passphrase: bytes | None
) -> keystore.Pair:
    """Read an authority from files, and make sure that it will serve.

    :param certificate: file that begins with the authority's certificate
    :param key: file with its key, in the clear or encrypted with the
        passphrase
    :param chain: file with the certificates above it in any order; '' if
        they follow in the first file, or if it signed itself
    :param passphrase: what the key is encrypted with from now on; None to
        keep it in the clear
    :raises InsecureFile: others may read the key
    :raises InvalidInput: names the file and what is wrong with it
    """
    first, *others = _certificates(_CERTIFICATE, certificate)
    if chain:
        others += _certificates(_CHAIN, chain)
    with _judging(_CERTIFICATE, certificate):
        found = chains.up_to_the_root(first, others)
        chains.check_time(found, policy.now())
        # One that says nothing of it may sign, but a careful client would not
        # think so (RFC 5280, section 4.2.1.3).
        if not chains.says_that_it_signs(first):
            raise chains.Unfit('its key usage does not have keyCertSign')
    opened = _key(key, passphrase)
    if opened.public_key() != first.public_key():
        raise _refused(_KEY, key, f'it is not the key of {certificate}')
    pair = keystore.Pair(
        ''.join(map(encoding.pem, found)), keys.pem(opened, passphrase)
    )
    with _judging(_CERTIFICATE, certificate):
        rehearsal.rehearse(ca.Authority.of(certificate, pair, passphrase))
    return pair


def _certificates(field: str, path: str) -> list[x509.Certificate]:
    try:
        text = keystore.read_text(path)
    except exceptions.TlsError as error:
        raise _refused(field, path, error.fields['reason']) from error
    with _judging(field, path):
        return list(chains.read(text))


def _key(path: str, passphrase: bytes | None) -> keys.SigningKey:
    text = keystore.read_secret(path)
    with _judging(_KEY, path):
        return keys.load(text, passphrase)


@contextlib.contextmanager
def _judging(field: str, path: str) -> Iterator[None]:
    """Say which file it is that something is wrong with."""
    try:
        yield
    except (chains.Unfit, keys.Unusable, rehearsal.Refused) as unfit:
        raise _refused(field, path, str(unfit)) from unfit


def _refused(field: str, path: str, reason: str) -> exceptions.InvalidInput:
    return exceptions.InvalidInput(field=field, value=path, reason=reason)
