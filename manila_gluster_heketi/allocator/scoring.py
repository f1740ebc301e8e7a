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
"""Which of several possible places is the better one.

Placing asks here, and so must whatever moves bricks later: two opinions on
what is better would move bricks to and fro. Ranks are compared, the lowest
is best, and no two are equal.
"""

import dataclasses
import hashlib

from manila_gluster_heketi import model
from manila_gluster_heketi.allocator import domains

Rank = tuple[float, int, str]


@dataclasses.dataclass(frozen=True, slots=True)
class Scoring:
    """Headroom of zones and nodes, resulting use of devices.

    Headroom of domains in bytes comes near the bound on what a cluster can
    hold at all; the resulting use keeps unequal devices level.

    :ivar seed: how equals are ordered; 0 orders them by identity
    """

    seed: int = 0

    def tie(self, identity: str) -> tuple[int, str]:
        """Order equals: the same for the same seed."""
        if self.seed == 0:
            return 0, identity
        text = f'{self.seed}:{identity}'.encode()
        digest = hashlib.blake2b(text, digest_size=8).digest()
        return int.from_bytes(digest, 'big'), identity

    def domain(self, domain: domains.Domain) -> Rank:
        """Rank a zone or a node: most room first."""
        return (-domain.free_bytes, *self.tie(domain.identity))

    def device(
        self, candidate: model.DeviceCapacity, room: int, brick_bytes: int
    ) -> Rank:
        """Rank a device: the least used after it takes the brick first."""
        total = candidate.device.total_bytes
        use = (total - room + brick_bytes) / total
        return (use, *self.tie(candidate.device.id))
