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

"""The layout in which one share is one Gluster volume."""

import threading
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from manila import exception as manila_exception
from oslo_log import log

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.conf.settings import Settings
from manila_gluster_heketi.layout import base
from manila_gluster_heketi.layout import errors
from manila_gluster_heketi.layout import recoverer
from manila_gluster_heketi.layout import specs
from manila_gluster_heketi.service import Pool
from manila_gluster_heketi.service import Service
from manila_gluster_heketi.sizes import GIB
from manila_gluster_heketi.tls import access

LOG = log.getLogger(__name__)


class VolumeLayout(base.Layout):
    """One share, one volume, in one of the clusters of the store."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._service: Service | None = None
        self._lock = threading.Lock()

    @property
    def service(self) -> Service:
        """The façade; made in the process that uses it, never before."""
        with self._lock:
            if self._service is None:
                self._service = Service(self._settings)
            return self._service

    def setup(self) -> None:
        """Bring the store up to date and finish what a crash left."""
        with errors.in_manilas_words():
            self.service.prepare()
            recoverer.start(self.service)

    def create_share(
        self, share: base.Share, extra_specs: Mapping[str, str]
    ) -> list[base.ExportLocation]:
        """Create the volume, or find the one that was created before."""
        with errors.in_manilas_words(share['id']):
            spec = specs.volume_spec(
                share, extra_specs, self._settings, self.service
            )
            return self._locations(self.service.create_volume(spec))

    def delete_share(self, share: base.Share) -> None:
        """Delete the volume; it may never have come to be."""
        with errors.in_manilas_words(share['id']):
            try:
                self.service.delete_volume(share['id'])
            except exceptions.NotFound:
                LOG.info('share %s has no volume to delete', share['id'])

    def extend_share(self, share: base.Share, new_size: int) -> None:
        """Raise the quota, after the volume has grown if it must."""
        with errors.in_manilas_words(share['id']):
            self.service.extend_volume(share['id'], new_size * GIB)

    def shrink_share(self, share: base.Share, new_size: int) -> None:
        """Lower the quota unless the share holds more."""
        with errors.in_manilas_words(share['id']):
            self.service.shrink_volume(share['id'], new_size * GIB)

    def ensure_shares(
        self, shares: Sequence[base.Share]
    ) -> dict[str, dict[str, Any]]:
        """Say where the volumes are exported; a lost one is in error."""
        found: dict[str, dict[str, Any]] = {}
        for share in shares:
            with errors.in_manilas_words(share['id']):
                found[share['id']] = self._ensured(share)
        return found

    def _ensured(self, share: base.Share) -> dict[str, Any]:
        volume = self.service.find_volume(share['id'])
        if volume is None:
            LOG.error('share %s has no volume', share['id'])
            return {'status': 'error'}
        return {
            'export_locations': self._locations(volume),
            'reapply_access_rules': True,
        }

    def change_access(
        self, share: base.Share, change: base.AccessChange
    ) -> None:
        """Change auth.ssl-allow of the volume.

        Taking names from a volume that never came to be is fine.
        """
        with errors.in_manilas_words(share['id']):
            try:
                self.service.change_access(
                    share['id'],
                    add=change.add,
                    remove=change.remove,
                    names=change.names,
                )
            except exceptions.NotFound:
                if change.add or change.names:
                    raise manila_exception.ShareResourceNotFound(
                        share_id=share['id']
                    ) from None

    def access_keys(
        self, share: base.Share, names: Mapping[str, str]
    ) -> Mapping[str, str]:
        """Give a token to enrol with for each rule that has one.

        Without one a rule is as good: certificates can be got otherwise.
        """
        try:
            return self.service.enrolment.tokens(share['id'], names)
        except exceptions.GlusterHeketiError as error:
            LOG.error('share %s has no access keys: %s', share['id'], error)
            return {}

    def refused_names(
        self, share: base.Share, change: base.AccessChange
    ) -> Mapping[str, str]:
        """Say which names are revoked, or have no room on the list, and why.

        The list of a volume has a length that glusterd does not outlive.
        """
        wanted = [*change.add, *(change.names or ())]
        with errors.in_manilas_words(share['id']):
            refused = self.service.revocation.refused(set(wanted))
            volume = self.service.find_volume(share['id'])
        if volume is None:
            return refused
        kept = {*volume.access} - {*change.remove}
        return refused | access.crowded_out(
            volume.cluster_id,
            kept if change.names is None else (),
            [name for name in wanted if name not in refused],
            volume=volume.name,
        )

    def pools(self) -> list[dict[str, Any]]:
        """Report one pool for each cluster."""
        with errors.in_manilas_words():
            return [
                self._pool(pool) for pool in self.service.capacity.pools()
            ]

    def _pool(self, pool: Pool) -> dict[str, Any]:
        """Say what Manila's scheduler can use: capacities and facts.

        The facts are for extra specs, and for ``filter_function``.
        """
        settings, capacity = self._settings, pool.capacity
        return {
            'pool_name': pool.cluster.name,
            'total_capacity_gb': self._shares(capacity.total_data_bytes),
            'free_capacity_gb': self._shares(capacity.free_data_bytes),
            'allocated_capacity_gb': _gib(pool.allocated_bytes),
            'provisioned_capacity_gb': _gib(pool.allocated_bytes),
            'thin_provisioning': False,
            'max_over_subscription_ratio': 1.0,
            'gluster_heketi_durability': str(settings.durability),
            'gluster_heketi_spread': str(settings.spread),
            'gluster_heketi_device_tags': settings.device_tags,
            'gluster_heketi_largest_share_gb': self._shares(
                capacity.largest_volume_bytes
            ),
            'gluster_heketi_stranded_gb': _gib(capacity.raw_stranded_bytes),
        }

    def _shares(self, data_bytes: int) -> float:
        """Say how large shares may be together, in GiB, beside headroom."""
        percent = 100 + self._settings.headroom_percent
        return _gib(data_bytes * 100 // percent)

    def backend_info(self) -> dict[str, str]:
        """The servers that export locations name, and where tenants enrol."""
        with errors.in_manilas_words():
            return {
                'gluster_heketi_servers': ','.join(self.service.servers()),
                **self._enrolment('gluster_heketi_enrolment_url'),
            }

    def _locations(self, volume: model.Volume) -> list[base.ExportLocation]:
        first, *others = self.service.export_hosts(volume)
        return [
            {
                'path': f'{first}:/{volume.name}',
                'is_admin_only': False,
                'metadata': {
                    'preferred': True,
                    'backup-volfile-servers': ':'.join(others),
                    **self._enrolment('enrolment-url'),
                },
            }
        ]

    def _enrolment(self, key: str) -> dict[str, str]:
        """Say where tenants enrol, under some key; nothing if nowhere."""
        url = self._settings.enrolment.url
        return {key: url} if url else {}


def _gib(size_bytes: int) -> float:
    """Round down: a scheduler must not promise what is not there."""
    return size_bytes * 100 // GIB / 100
