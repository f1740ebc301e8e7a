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

"""Encrypting the key of an authority that was made without a passphrase."""

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.tls import keys
from manila_gluster_heketi.tls import keystore


def encrypt(directory: str, passphrase: bytes | None) -> bool:
    """Write the key of a directory anew, encrypted, in one step.

    :return: whether that was done: it may be encrypted already
    :raises PassphraseError: there is no passphrase, or the key is encrypted
        with another one
    :raises InsecureFile: the key is missing, or others may read it
    :raises TlsError: there is none, or it can't be written; it is as it was
    """
    if passphrase is None:
        raise exceptions.PassphraseError(
            path=directory, reason='there is no passphrase to encrypt it with'
        )
    pair = keystore.read(directory)
    try:
        key = keys.load(pair.key_pem, passphrase)
        if keys.is_encrypted(pair.key_pem):
            return False
        encrypted = keys.pem(key, passphrase)
        # What can't be opened again would be lost.
        keys.load(encrypted, passphrase)
    except keys.Closed as closed:
        raise exceptions.PassphraseError(
            path=directory, reason=str(closed)
        ) from closed
    except keys.Unusable as unusable:
        raise exceptions.TlsError(
            path=directory, reason=f'{keystore.KEY}: {unusable}'
        ) from unusable
    keystore.replace_key(directory, pair, encrypted)
    return True
