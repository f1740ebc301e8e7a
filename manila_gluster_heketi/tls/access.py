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

"""Who may mount a volume: the value of auth.ssl-allow. Pure.

Unset, or with a pattern in it, the option admits every certificate of the
authority. The nodes of the cluster must always be in it, or self-heal and
quota stop working.
"""

from collections.abc import Iterable
from collections.abc import Sequence

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import names
from manila_gluster_heketi.tls import policy

OPTION = 'auth.ssl-allow'


def allow_value(
    cluster_id: str, clients: Iterable[str], *, volume: str = ''
) -> str:
    """Write the list: the nodes' common name, then the clients', sorted.

    :param clients: common names; one that comes twice is written once
    :param volume: its name, for the message
    :raises InvalidCommonName: a name would match others than itself
    :raises AccessListFull: glusterd would not bear the list
    """
    node = policy.node_name(cluster_id)
    unique = sorted({policy.check_common_name(name) for name in clients})
    value = ','.join((node, *unique))
    # The store of glusterd has one line "option=value" of limited length: it
    # took 4,080 bytes of value and crashed with 4,094 (version 10.3).
    length = len(f'{OPTION}={value}')
    if length > names.SSL_ALLOW_LIMIT:
        raise exceptions.AccessListFull(
            field='the access list',
            value=f'{len(unique)} names',
            volume=volume,
            length=length,
            limit=names.SSL_ALLOW_LIMIT,
        )
    return value


def crowded_out(
    cluster_id: str,
    kept: Iterable[str],
    more: Sequence[str],
    *,
    volume: str = '',
) -> dict[str, str]:
    """Say which names a list has no room for, and why; earlier ones go first.

    :param kept: what is on it, and stays
    :param more: common names that shall come to it
    """
    fitting, refused = {*kept}, dict[str, str]()
    try:
        allow_value(cluster_id, {*fitting, *more}, volume=volume)
    except exceptions.AccessListFull:
        for name in more:
            try:
                allow_value(cluster_id, {*fitting, name}, volume=volume)
            except exceptions.AccessListFull as error:
                refused[name] = str(error)
            else:
                fitting.add(name)
    return refused
