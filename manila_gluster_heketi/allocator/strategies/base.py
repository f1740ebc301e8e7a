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

"""What a strategy is."""

import dataclasses
from typing import Protocol

from manila_gluster_heketi.allocator import scoring
from manila_gluster_heketi.allocator import search
from manila_gluster_heketi.allocator.request import Request


class Strategy(Protocol):
    """Chooses devices for the sets of a request.

    The same question has to have the same answer; what is left to chance
    comes from ``ground.seed``. The ground is given back as it was.
    """

    def find(
        self, ground: search.Ground, request: Request
    ) -> search.BrickSets:
        """Find places for all sets; empty if there is no room.

        :returns: bricks of each set, data before the arbiter
        """


@dataclasses.dataclass(frozen=True, slots=True)
class Scored:
    """The search, with an opinion on what is better."""

    scoring: type[scoring.Scoring]

    def find(
        self, ground: search.Ground, request: Request
    ) -> search.BrickSets:
        """Find places for all sets; empty if there is no room."""
        scored = dataclasses.replace(ground, scoring=self.scoring)
        return search.find(scored, request)
