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
from manila_gluster_heketi.conf.settings import Settings
from manila_gluster_heketi.layout.base import Share
from manila_gluster_heketi.service import Service
from manila_gluster_heketi.service import wishes
from manila_gluster_heketi.sizes import GIB

_SCOPE = 'gluster_heketi:'


def volume_spec(
    share: Share,
    extra_specs: Mapping[str, str],
    settings: Settings,
    service: Service,
) -> model.VolumeSpec:
    """Say what volume a share asks for.

    Extra specs of the share type that are in our scope, ``gluster_heketi:``,
    go before the options of the backend section that have their names.

    :raises InvalidInput: an unknown spec or value, or an unknown pool
    """
    return wishes.volume_spec(
        settings,
        share_id=share['id'],
        size_bytes=share['size'] * GIB,
        wishes=_wished(extra_specs),
        called=_called,
        cluster_id=_cluster_id(share, service),
    )


def _called(name: str) -> str:
    return f'extra spec {_SCOPE}{name}'


def _wished(extra_specs: Mapping[str, str]) -> Mapping[str, str]:
    """Take the extra specs of our scope.

    :raises InvalidInput: one of them is none that we know
    """
    texts = {
        key[len(_SCOPE) :]: value
        for key, value in extra_specs.items()
        if key.startswith(_SCOPE)
    }
    for name in sorted(set(texts) - wishes.KNOWN):
        raise exceptions.InvalidInput(
            field=_called(name),
            value=texts[name],
            reason='known are ' + ', '.join(sorted(wishes.KNOWN)),
        )
    return texts


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
