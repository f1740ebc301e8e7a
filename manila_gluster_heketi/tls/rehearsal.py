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

"""A handshake in memory: whether what an authority issues is accepted.

What can be wrong with a certificate above ours (name constraints, usages, an
algorithm that OpenSSL has given up) is OpenSSL's to judge, as on the nodes.
"""

import contextlib
import ssl
import tempfile

from manila_gluster_heketi import model
from manila_gluster_heketi.tls import ca
from manila_gluster_heketi.tls import issue

# Messages go to and fro twice in TLS 1.3 (RFC 8446, section 2).
_TURNS = 4


class Refused(ValueError):
    """A node and a client do not accept each other; says why."""


def rehearse(authority: ca.Authority) -> None:
    """Let a node and a client with certificates for a day meet.

    Nothing of that is recorded; the certificates are gone afterwards.

    :raises Refused: with OpenSSL's reason
    :raises TlsError: the authority has expired
    """
    meet(
        issue.issue_node(authority, model.new_id(), days=1),
        issue.issue_client(authority, 'rehearsal', days=1),
    )


def meet(node: issue.Bundle, client: issue.Bundle) -> None:
    """Let a node and a client speak TLS.

    :raises Refused: with OpenSSL's reason
    """
    to_node, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = (
        _context(ssl.PROTOCOL_TLS_CLIENT, client).wrap_bio(to_client, to_node),
        _context(ssl.PROTOCOL_TLS_SERVER, node).wrap_bio(
            to_node, to_client, server_side=True
        ),
    )
    try:
        for _ in range(_TURNS):
            for side in sides:
                # It has said what it can for now.
                with contextlib.suppress(ssl.SSLWantReadError):
                    side.do_handshake()
    except ssl.SSLError as error:
        reason = getattr(error, 'verify_message', '') or error.reason
        raise Refused(
            f'nodes and clients would refuse what it issues: {reason}'
        ) from error


def _context(protocol: int, bundle: issue.Bundle) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=bundle.ca_pem)
    # Python's ssl reads keys from files alone.
    with tempfile.TemporaryDirectory() as directory:
        key, certificate, _ = issue.write_bundle(bundle, directory)
        context.load_cert_chain(certificate, key)
    return context
