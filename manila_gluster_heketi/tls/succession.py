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

"""One authority takes the place of another: what the old one says of the new.

The link is a certificate of the new authority that the old one signed (the
"new with old" of RFC 4210, section 4.4). With it behind a certificate of the
new authority, whoever knows only the old one accepts that: GlusterFS loads
what it presents with SSL_CTX_use_certificate_chain_file (its socket.c).
"""

import dataclasses

from cryptography import x509

from manila_gluster_heketi import model
from manila_gluster_heketi.tls import ca
from manila_gluster_heketi.tls import issue
from manila_gluster_heketi.tls import keys
from manila_gluster_heketi.tls import keystore
from manila_gluster_heketi.tls import rehearsal


def make(
    old: ca.Authority, key_type: keys.KeyType, passphrase: bytes | None
) -> keystore.Pair:
    """Make an authority that is to take the place of another.

    It has the same name: OpenSSL does not count a link between two of one
    name where an authority allows none below it (RFC 5280, section 4.2.1.9),
    and ours do not. Which of the two signed is told by the key identifiers.
    """
    subject = None
    if not old.above and _identifier(old.certificate):
        subject = old.certificate.subject
    return ca.make(key_type, passphrase, subject)


def link(old: ca.Authority, new: ca.Authority) -> x509.Certificate | None:
    """Have the old authority vouch for the new one.

    :returns: None if GlusterFS would not follow it: it goes through one
        certificate below the root and no more
    """
    if old.above:
        return None
    signed = old.sign(_copy(old, new.certificate))
    linked = dataclasses.replace(new, link=signed, beside=old.chain)
    try:
        for one, other in ((linked, old), (old, linked)):
            rehearsal.meet(
                issue.issue_node(one, model.new_id(), days=1),
                issue.issue_client(other, 'rehearsal', days=1),
            )
    except rehearsal.Refused:
        return None
    return signed


def _copy(
    old: ca.Authority, certificate: x509.Certificate
) -> x509.CertificateBuilder:
    """Say the same of the same key, for no longer than the old one holds."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(certificate.subject)
        .public_key(certificate.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(
            max(
                certificate.not_valid_before_utc,
                old.certificate.not_valid_before_utc,
            )
        )
        .not_valid_after(min(certificate.not_valid_after_utc, old.not_after))
    )
    for each in certificate.extensions:
        # The issuer adds its own.
        if not isinstance(each.value, x509.AuthorityKeyIdentifier):
            builder = builder.add_extension(each.value, each.critical)
    return builder


def _identifier(certificate: x509.Certificate) -> bool:
    try:
        certificate.extensions.get_extension_for_class(
            x509.SubjectKeyIdentifier
        )
    except x509.ExtensionNotFound:
        return False
    return True
