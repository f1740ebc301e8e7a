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

"""From a Manila share and its type to a volume specification."""

from collections.abc import Mapping

from manila.share import utils as share_host

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.conf import choices
from manila_gluster_heketi.conf.settings import Settings
from manila_gluster_heketi.layout.base import Share
from manila_gluster_heketi.service import Service
from manila_gluster_heketi.sizes import GIB

_SCOPE = 'gluster_heketi:'
KNOWN = frozenset({'durability', 'zone_spread', 'headroom_percent'})


def volume_spec(
    share: Share,
    extra_specs: Mapping[str, str],
    settings: Settings,
    service: Service,
) -> model.VolumeSpec:
    """Say what volume a share asks for.

    The share type's extra specs ``gluster_heketi:durability``,
    ``gluster_heketi:zone_spread`` and ``gluster_heketi:headroom_percent`` go
    before the options of the backend section.

    :raises InvalidInput: an unknown spec or value, or an unknown pool
    """
    wanted = {
        key[len(_SCOPE) :]: value
        for key, value in extra_specs.items()
        if key.startswith(_SCOPE)
    }
    for key in sorted(set(wanted) - KNOWN):
        raise exceptions.InvalidInput(
            field=f'extra spec {_SCOPE}{key}',
            value=wanted[key],
            reason='known are ' + ', '.join(sorted(KNOWN)),
        )
    size_bytes = share['size'] * GIB
    percent = settings.headroom_percent
    if 'headroom_percent' in wanted:
        percent = _percent(wanted['headroom_percent'])
    durability = settings.durability
    if 'durability' in wanted:
        durability = choices.durability(
            wanted['durability'], f'extra spec {_SCOPE}durability'
        )
    spread = settings.zone_spread
    if 'zone_spread' in wanted:
        spread = choices.zone_spread(
            wanted['zone_spread'], f'extra spec {_SCOPE}zone_spread'
        )
    return model.VolumeSpec(
        share_id=share['id'],
        name=f'{settings.volume_name_prefix}{share["id"]}',
        size_bytes=size_bytes,
        durability=durability,
        spread=spread,
        headroom_bytes=size_bytes * percent // 100,
        cluster_id=_cluster_id(share, service),
    )


def _cluster_id(share: Share, service: Service) -> str:
    pool = share_host.extract_host(share.get('host') or '', level='pool')
    if not pool:
        return ''
    try:
        return service.cluster_named(pool).id
    except exceptions.NotFound as error:
        # What is not found is not the share, as Manila would be told.
        raise exceptions.InvalidInput(
            field='pool',
            value=pool,
            reason='no cluster in the store has this name',
        ) from error


def _percent(text: str) -> int:
    if not (text.isdecimal() and int(text) <= 1000):
        raise exceptions.InvalidInput(
            field=f'extra spec {_SCOPE}headroom_percent',
            value=text,
            reason='it is not a whole number from 0 to 1000',
        )
    return int(text)
