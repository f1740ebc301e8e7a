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

"""How volumes are made and placed, as the options say."""

from manila_gluster_heketi import allocator
from manila_gluster_heketi import exceptions
from manila_gluster_heketi import strategies
from manila_gluster_heketi.allocator.strategies import Strategy
from manila_gluster_heketi.conf.settings import PlacementSettings
from manila_gluster_heketi.conf.settings import Settings
from manila_gluster_heketi.operations.create_volume import Policy


def policy(settings: Settings) -> Policy:
    """Gather what holds for all volumes.

    :raises InvalidConfiguration: the strategy can't be used
    """
    return Policy(
        quota_timeouts=settings.quota_timeouts,
        extra_options=settings.volume_options,
        attempts=settings.placement_attempts,
        strategy=_strategy(settings.placement.strategy),
        limits=limits(settings.placement),
    )


def limits(placement: PlacementSettings) -> allocator.Limits:
    """Translate the limits for the allocator."""
    return allocator.Limits(
        brick_min_bytes=placement.brick_min_bytes,
        brick_max_bytes=placement.brick_max_bytes,
        volume_bricks=placement.volume_bricks,
        brick_share=placement.brick_share_percent / 100,
        cluster_volumes=placement.cluster_volumes,
    )


def _strategy(name: str) -> Strategy:
    try:
        return strategies.for_shares(name)
    except exceptions.InvalidInput as error:
        raise exceptions.InvalidConfiguration(
            option='gluster_heketi_allocator_strategy',
            value=name,
            reason=error.fields['reason'],
        ) from error
