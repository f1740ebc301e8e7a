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

"""What certificates say that hosts have; nothing here raises."""

import dataclasses

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization

from manila_gluster_heketi import model
from manila_gluster_heketi.tls import issue


def certificates(text: str | None) -> list[x509.Certificate]:
    """Read the certificates of a text in PEM; none if it is something else."""
    try:
        return x509.load_pem_x509_certificates((text or '').encode())
    except ValueError:
        return []


def name_of(certificate: x509.Certificate) -> str:
    """Tell whose certificate it is."""
    return _common_name(certificate.subject)


def issuer_of(certificate: x509.Certificate) -> str:
    """Tell who says that he issued it."""
    return _common_name(certificate.issuer)


def serial_of(certificate: x509.Certificate) -> str:
    """Write the serial number as the store has it."""
    return f'{certificate.serial_number:x}'


def fingerprint(certificate: x509.Certificate) -> str:
    """Write its SHA-256 as ``openssl x509`` does."""
    return certificate.fingerprint(hashes.SHA256()).hex(':').upper()


def public_key(certificate: x509.Certificate) -> str:
    """Write its public key as ``openssl pkey -pubout`` does."""
    return (
        certificate.public_key()
        .public_bytes(
            serialization.Encoding.PEM,
            serialization.PublicFormat.SubjectPublicKeyInfo,
        )
        .decode()
        .strip()
    )


def is_issued_by(
    certificate: x509.Certificate, authority: x509.Certificate
) -> bool:
    """Tell whether an authority signed a certificate."""
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def misfit(
    certificate: x509.Certificate | None,
    key: str,
    *authorities: x509.Certificate,
) -> str:
    """Say why nobody would connect to a host; '' if all is well.

    :param key: public part of the key that the host has, '' without one
    :param authorities: of which its certificate may be
    """
    if certificate is None:
        return 'no certificate'
    if not key:
        return 'no key'
    if public_key(certificate) != key.strip():
        return 'key and certificate are no pair'
    if not any(is_issued_by(certificate, each) for each in authorities):
        return f'it is of another authority, {issuer_of(certificate)}'
    return ''


def record_of_node(
    certificate: x509.Certificate, node_id: str
) -> model.Certificate:
    """Say what the store keeps of a certificate that a node has."""
    return model.Certificate(
        serial=serial_of(certificate),
        common_name=name_of(certificate),
        kind=issue.Kind.NODE.value,
        not_after=certificate.not_valid_after_utc,
        subject_id=node_id,
    )


def of_node(record: model.Certificate, node_id: str) -> model.Certificate:
    """Say which node a certificate is for: its name is all nodes' name."""
    return dataclasses.replace(record, subject_id=node_id)


def _common_name(name: x509.Name) -> str:
    found = name.get_attributes_for_oid(x509.oid.NameOID.COMMON_NAME)
    return ','.join(str(each.value) for each in found)
