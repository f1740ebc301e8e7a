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

"""Whether nodes and clients accept each other: TLS between their files."""

import itertools
from collections.abc import Iterator
from collections.abc import Mapping

from manila_gluster_heketi.tls import issue
from manila_gluster_heketi.tls import keys
from manila_gluster_heketi.tls import reading
from manila_gluster_heketi.tls import rehearsal
from tests.functional.deployment import Deployment


def on_nodes(d: Deployment) -> dict[str, issue.Bundle]:
    """Read what nodes have; without those whose files are half replaced.

    A connection that is made to one of these fails, and Gluster repeats it.
    """
    found = {}
    for host in d.hosts:
        there = d.cluster.host(host)
        pem, key, trust = (
            there.space.root.files[f'{there.tls_directory}/{name}'].content
            for name in (
                issue.CERTIFICATE_FILE,
                issue.KEY_FILE,
                issue.AUTHORITY_FILE,
            )
        )
        [certificate, *_] = reading.certificates(pem)
        if certificate.public_key() == keys.load(key, None).public_key():
            record = reading.record_of_node(certificate, '')
            found[host] = issue.Bundle(pem, key, trust, record)
    return found


def refusals(
    nodes: Mapping[str, issue.Bundle],
    clients: Mapping[str, issue.Bundle],
) -> Iterator[str]:
    """Have each node meet each other one, and each client each node."""
    pairs = [
        *itertools.permutations(nodes.items(), 2),
        *itertools.product(nodes.items(), clients.items()),
    ]
    for (server, node), (name, other) in pairs:
        try:
            rehearsal.meet(node, other)
        except rehearsal.Refused as refused:
            yield f'{server} and {name}: {refused}'
