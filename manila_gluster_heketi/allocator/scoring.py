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

"""Which of several possible places is the better one.

Placing asks here, and so must whatever moves bricks later: two opinions on
what is better would move bricks to and fro. Ranks are compared, the lowest
is best.
"""

import dataclasses
import hashlib
from collections.abc import Callable
from collections.abc import Sequence
from typing import TypeVar

from manila_gluster_heketi import model
from manila_gluster_heketi.allocator import domains

Rank = tuple[float, ...]
Item = TypeVar('Item')


@dataclasses.dataclass(frozen=True, slots=True)
class Scoring:
    """Headroom of zones and nodes, resulting use of devices.

    Headroom of domains in bytes comes near the bound on what a cluster can
    hold at all; the resulting use keeps unequal devices level.

    :ivar seed: how equals are ordered; 0 orders them by identity
    """

    seed: int = 0

    def domain(self, domain: domains.Domain) -> Rank:
        """Rank a zone or a node: most room first."""
        return (-domain.free_bytes,)

    def device(
        self, candidate: model.DeviceCapacity, room: int, brick_bytes: int
    ) -> Rank:
        """Rank a device: the least used after it takes the brick first."""
        total = candidate.device.total_bytes
        return ((total - room + brick_bytes) / total,)

    def best(
        self,
        items: Sequence[Item],
        rank: Callable[[Item], Rank],
        identity: Callable[[Item], str],
    ) -> Item:
        """Return the item with the lowest rank, whatever their order."""
        ranks = [rank(item) for item in items]
        lowest = min(ranks)
        equals = [
            item
            for item, its in zip(items, ranks, strict=True)
            if its == lowest
        ]
        if len(equals) == 1:
            return equals[0]
        return min(equals, key=lambda item: self._tie(identity(item)))

    def _tie(self, identity: str) -> tuple[bytes, str]:
        """Order equals: the same for the same seed."""
        if self.seed == 0:
            return b'', identity
        text = f'{self.seed}:{identity}'.encode()
        return hashlib.blake2b(text, digest_size=8).digest(), identity
