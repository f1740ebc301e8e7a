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

"""What can be told of an authority without its passphrase."""

import dataclasses
import datetime

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.tls import ca
from manila_gluster_heketi.tls import chain as chains
from manila_gluster_heketi.tls import keys
from manila_gluster_heketi.tls import places
from manila_gluster_heketi.tls import policy


@dataclasses.dataclass(frozen=True, slots=True)
class Description:
    """An authority as an operator knows it.

    :ivar kept_in: the directory, or the store
    :ivar subject: as RFC 4514 writes names
    :ivar fingerprint: SHA-256 of the certificate
    :ivar key_type: such as 'ec-p256'
    :ivar is_encrypted: whether its key needs a passphrase
    :ivar above: subjects of those above it, the root last; () if it signed
        itself
    """

    kept_in: str
    subject: str
    fingerprint: str
    key_type: str
    not_before: datetime.datetime
    not_after: datetime.datetime
    is_encrypted: bool
    above: tuple[str, ...]


def describe(place: places.Place) -> Description:
    """Describe the authority of a place, even one that has expired.

    :raises InsecureFile: the key is missing, or others may read it
    :raises TlsError: there is none, or its certificate is spoilt
    """
    pair = place.read()
    try:
        first, *others = chains.read(pair.certificate_pem)
        chain = chains.up_to_the_root(first, others)
    except chains.Unfit as unfit:
        raise exceptions.TlsError(
            path=place.name, reason=str(unfit)
        ) from unfit
    return Description(
        kept_in=place.name,
        subject=first.subject.rfc4514_string(),
        fingerprint=ca.fingerprint(first),
        key_type=keys.name_of(policy.strong_key(first.public_key())),
        not_before=first.not_valid_before_utc,
        not_after=first.not_valid_after_utc,
        is_encrypted=keys.is_encrypted(pair.key_pem),
        above=tuple(each.subject.rfc4514_string() for each in chain[1:]),
    )
