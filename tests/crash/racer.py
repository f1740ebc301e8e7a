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
"""A process that asks for one change after the other, until it is killed.

What it asks for, and what came of it, it appends to a file, a JSON object on
each line:

* ``{"asked": ..., "share": ...}`` before each change
* ``{"code": ..., "share": ..., "state": ...}`` after it, with the code of the
  error, or '', and what its own share is by then

Errors that nobody may ever see end it with a traceback.
"""

import json
import os
import random
import time
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

from manila_gluster_heketi import durability
from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.operations import recovery
from manila_gluster_heketi.service import Service
from manila_gluster_heketi.sizes import GIB
from tests.crash import process
from tests.functional import deployment

COMMON = ('common-1', 'common-2')
DISKS = 2
_CLIENTS = ('alice', 'bob', 'carol', 'dave')
_DURABILITIES = ('distribute', 'replicate:2', 'replicate:3', 'disperse:2+1')
_DAWDLE_SECONDS = 0.1
#: Those that the others, or the sizes that are asked for, bring about.
_EXPECTED = (
    exceptions.Conflict,
    exceptions.InvalidInput,
    exceptions.NoSpace,
    exceptions.NotFound,
)


def dawdle(chance: random.Random) -> None:
    """Wait after each look at what others do: then it may be out of date."""
    look = recovery.recover_before

    def look_and_wait(*what: Any) -> None:
        look(*what)
        time.sleep(chance.uniform(0, _DAWDLE_SECONDS))

    recovery.recover_before = look_and_wait


def state_of(service: Service, share: str) -> list[Any] | None:
    """Say what a share is; None if it is not there."""
    volume = service.find_volume(share)
    if volume is None:
        return None
    return [volume.id, volume.size_bytes, list(volume.access)]


class Racer:
    """What can be asked for, at random."""

    def __init__(
        self,
        service: Service,
        seed: str,
        shares: Sequence[str],
        hosts: Sequence[str],
    ) -> None:
        self._service = service
        self._chance = random.Random(seed)
        self._own = shares
        self._hosts = hosts
        self._changes = (
            (8, self._create),
            (6, self._extend),
            (3, self._shrink),
            (6, self._access),
            (5, self._delete),
            (1, self._load),
            (1, self._remove_device),
            (1, self._remove_node),
            (1, self._recover),
        )

    def next(self) -> tuple[str, str, Callable[[], object]]:
        """Choose a change: its name, the share, and how it is asked for."""
        weights, changes = zip(*self._changes)
        change: Callable[[str], Callable[[], object]]
        [change] = self._chance.choices(changes, weights)
        shares = self._chance.choice((COMMON, self._own))
        share = self._chance.choice(shares)
        return change.__name__.strip('_'), share, change(share)

    def is_own(self, share: str) -> bool:
        """Tell whether nobody else changes a share."""
        return share in self._own

    def _create(self, share: str) -> Callable[[], object]:
        spec = model.VolumeSpec(
            share,
            f'v-{share}',
            self._chance.randint(1, 4) * GIB,
            durability=durability.parse(self._chance.choice(_DURABILITIES)),
        )
        return lambda: self._service.create_volume(spec)

    def _extend(self, share: str) -> Callable[[], object]:
        size = self._chance.randint(3, 12) * GIB
        return lambda: self._service.extend_volume(share, size)

    def _shrink(self, share: str) -> Callable[[], object]:
        size = self._chance.randint(1, 3) * GIB
        return lambda: self._service.shrink_volume(share, size)

    def _access(self, share: str) -> Callable[[], object]:
        names = self._chance.sample(_CLIENTS, self._chance.randint(0, 3))
        return lambda: self._service.change_access(share, names=names)

    def _delete(self, share: str) -> Callable[[], object]:
        return lambda: self._service.delete_volume(share)

    def _load(self, share: str) -> Callable[[], object]:
        made = deployment.Deployment(len(self._hosts), DISKS)
        document = json.dumps(made.document(*self._hosts))
        return lambda: self._service.load_topology(document)

    def _remove_device(self, share: str) -> Callable[[], object]:
        host = self._chance.choice(self._hosts)
        return lambda: self._service.hardware.remove_device(host, '/dev/vdc')

    def _remove_node(self, share: str) -> Callable[[], object]:
        host = self._chance.choice(self._hosts)
        return lambda: self._service.hardware.remove_node(host)

    def _recover(self, share: str) -> Callable[[], object]:
        return self._service.recover


def race(
    options: dict[str, Any],
    log: str,
    seed: str,
    count: int,
    shares: Sequence[str],
    hosts: Sequence[str],
) -> None:
    """Race.

    :param options: settings, see :mod:`tests.crash.process`
    :param log: where it writes
    :param count: how many changes to ask for
    :param shares: its own; besides, all processes share some
    :param hosts: those that a topology may have
    """
    service, _ = process.start(options)
    dawdle(random.Random(seed))
    racer = Racer(service, seed, shares, hosts)
    file = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def write(**line: object) -> None:
        # At once and as a whole, or not at all.
        os.write(file, f'{json.dumps(line)}\n'.encode())

    for _ in range(count):
        name, share, act = racer.next()
        code = ''
        write(asked=name, share=share)
        try:
            act()
        except _EXPECTED as error:
            code = error.code
        is_own = racer.is_own(share)
        state = state_of(service, share) if is_own else None
        write(code=code, share=share, state=state)
