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

"""Certificates of our authority that the product would never issue."""

import datetime
import pathlib

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.oid import NameOID

from manila_gluster_heketi import model
from manila_gluster_heketi.tls import encoding
from manila_gluster_heketi.tls import issue
from manila_gluster_heketi.tls import keys
from manila_gluster_heketi.tls import policy
from manila_gluster_heketi.tls.ca import Authority

_DAY = datetime.timedelta(days=1)


def identity(
    authority: Authority,
    directory: pathlib.Path,
    *names: str,
    starts: datetime.timedelta = -_DAY,
    ends: datetime.timedelta = _DAY,
) -> pathlib.Path:
    """Write the files of a client into a new directory; give it back.

    :param names: common names, in this order
    :param starts: from when it holds, counted from now
    :param ends: until when
    """
    key = keys.make(keys.KeyType.EC_P256)
    now = policy.now()
    certificate = authority.sign(
        x509.CertificateBuilder()
        .subject_name(
            x509.Name(
                x509.NameAttribute(NameOID.COMMON_NAME, name) for name in names
            )
        )
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + starts)
        .not_valid_after(now + ends)
        .add_extension(
            x509.BasicConstraints(ca=False, path_length=None), critical=True
        )
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]),
            critical=False,
        )
    )
    bundle = issue.Bundle(
        certificate_pem=encoding.pem(certificate),
        key_pem=keys.pem(key),
        ca_pem=authority.trust_pem,
        record=model.Certificate(
            serial='',
            common_name=names[0],
            kind=issue.Kind.CLIENT.value,
            not_after=now + ends,
        ),
    )
    directory.mkdir(parents=True)
    issue.write_bundle(bundle, str(directory))
    return directory
