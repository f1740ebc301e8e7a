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

"""How far a node is behind while one authority takes the place of another."""

import enum

from manila_gluster_heketi.operations.tls_facts import Facts
from manila_gluster_heketi.tls import reading
from manila_gluster_heketi.tls.ca import Authority


class Lag(enum.Enum):
    """What a node needs, in words."""

    NONE = ''
    TRUST = 'it does not trust what it should'
    CERTIFICATE = 'it has no certificate of the authority that signs now'


def lag(facts: Facts, authority: Authority) -> Lag:
    """Say what a node needs to be where the authority is.

    While nothing changes there, a node is never behind.
    """
    if not authority.is_rotating:
        return Lag.NONE
    if reading.misfit(
        facts.certificate, facts.public_key, authority.certificate
    ):
        return Lag.CERTIFICATE
    if {*facts.authorities} != {*authority.node_trust}:
        return Lag.TRUST
    return Lag.NONE
