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

"""What a topology document asks for, and what it is compared with.

``field`` says where in the document a value stands, for errors that only
show later. It does not count when values are compared.
"""

import dataclasses
from collections.abc import Mapping

from manila_gluster_heketi import model


@dataclasses.dataclass(frozen=True, slots=True)
class WantedDevice:
    """A device of the document.

    :ivar destroy_data: the operator allows to wipe what is on it
    :ivar tags: None if the document does not speak of tags
    """

    path: str
    destroy_data: bool = False
    tags: Mapping[str, str] | None = None
    field: str = dataclasses.field(default='', compare=False)


@dataclasses.dataclass(frozen=True, slots=True)
class WantedNode:
    """A node of the document.

    :ivar tags: None if the document does not speak of tags
    """

    manage_host: str
    storage_host: str
    zone: int
    devices: tuple[WantedDevice, ...] = ()
    tags: Mapping[str, str] | None = None
    field: str = dataclasses.field(default='', compare=False)


@dataclasses.dataclass(frozen=True, slots=True)
class WantedCluster:
    """A cluster of the document.

    :ivar name: '' if the document does not name it
    """

    name: str
    nodes: tuple[WantedNode, ...]
    field: str = dataclasses.field(default='', compare=False)


@dataclasses.dataclass(frozen=True, slots=True)
class WantedTopology:
    """A whole document.

    :ivar source: the file that it came from, for errors
    """

    clusters: tuple[WantedCluster, ...]
    source: str = dataclasses.field(default='', compare=False)


@dataclasses.dataclass(frozen=True, slots=True)
class CurrentTopology:
    """All that the store knows."""

    clusters: tuple[model.Cluster, ...] = ()
    nodes: tuple[model.Node, ...] = ()
    devices: tuple[model.Device, ...] = ()
