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

"""How level a cluster is: how far devices are from their fair levels."""

import dataclasses
import math
from collections.abc import Mapping

from manila_gluster_heketi import model
from manila_gluster_heketi.allocator import request as requests
from manila_gluster_heketi.allocator.terrain import Terrain

# What rounding makes of no distance.
_NOTHING = 1e-9


@dataclasses.dataclass(frozen=True, slots=True)
class Level:
    """Distances of devices from their fair levels, as parts of a device.

    :ivar fair: how full each device should be, 0 to 1, by its identity;
        those that are offline have no level
    :ivar rms: the root mean square of all distances
    :ivar worst: how far the one that is too full by most is above its level
    :ivar worst_id: which one; '' if none is too full
    """

    fair: Mapping[str, float]
    rms: float
    worst: float
    worst_id: str


def level_of(snapshot: model.Snapshot, rule: requests.Request) -> Level:
    """Compare devices with what placing and rebalancing strive for.

    :param rule: the kind of volume whose constraints make the fair levels
    """
    terrain = Terrain(snapshot, rule)
    # Bricks of other kinds of volumes may take more than these ever could.
    fair = {each: min(1.0, terrain.levels[each]) for each in terrain.levels}
    distances = {
        each: terrain.room(each).use - fair[each] for each in sorted(fair)
    }
    squares = sum(distance**2 for distance in distances.values())
    worst_id = max(distances, key=lambda each: distances[each], default='')
    worst = distances.get(worst_id, 0.0)
    if worst < _NOTHING:
        worst_id, worst = '', 0.0
    return Level(
        fair=fair,
        rms=math.sqrt(squares / max(1, len(distances))),
        worst=worst,
        worst_id=worst_id,
    )
