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

"""What a step is, and how the journal turns it into rows and back."""

import abc
import dataclasses
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any
from typing import ClassVar
from typing import TypeVar

from manila_gluster_heketi import model
from manila_gluster_heketi.operations.site import Found
from manila_gluster_heketi.operations.site import Site

_KINDS: dict[str, type['Step']] = {}
S = TypeVar('S', bound=type['Step'])


@dataclasses.dataclass(frozen=True)
class Step(abc.ABC):
    """One unit of an operation; both directions may be repeated safely.

    The fields of a subclass are what the journal keeps, so they hold no
    secrets and nothing that JSON can't carry but bricks.

    :cvar kind: persisted name; never rename, never reuse
    :ivar host: the host that it works on, for people and for grouping
    """

    kind: ClassVar[str]
    host: str

    @abc.abstractmethod
    def do(self, site: Site) -> Found:
        """Make the change; say what was found on the way.

        :raises HostError: it failed, perhaps half-way
        """

    @abc.abstractmethod
    def undo(self, site: Site) -> None:
        """Take the change back, whatever part of it happened.

        :raises HostError: it could not be taken back now
        """


@dataclasses.dataclass(frozen=True)
class GlusterStep(Step):
    """A step whose commands may run on any of several hosts.

    :ivar hosts: those, the first that can run them is used
    :ivar told: which of them may still run what they were told; none stands
        for the first one, as long as nothing else is written down
    """

    hosts: tuple[str, ...]
    told: tuple[str, ...] = dataclasses.field(default=(), kw_only=True)


def persisted(cls: S) -> S:
    """Register a kind of step with the journal."""
    if cls.kind in _KINDS:
        raise ValueError(f'two steps are called {cls.kind}')
    _KINDS[cls.kind] = cls
    return cls


def kinds() -> tuple[str, ...]:
    """List the persisted names of all steps."""
    return tuple(sorted(_KINDS))


def to_records(steps: Sequence[Step]) -> tuple[model.StepRecord, ...]:
    """Write steps down for the journal."""
    return tuple(
        model.StepRecord(
            index=index, kind=step.kind, host=step.host, params=_params(step)
        )
        for index, step in enumerate(steps)
    )


def from_record(record: model.StepRecord) -> Step:
    """Make a step again from what the journal holds.

    :raises KeyError: a newer release wrote a kind that is unknown here
    """
    cls = _KINDS[record.kind]
    params: dict[str, Any] = dict(record.params)
    if 'bricks' in params:
        params['bricks'] = bricks_of(record.params)
    for key, value in params.items():
        if isinstance(value, list):
            params[key] = tuple(value)
    return cls(host=record.host, **params)


def bricks_of(params: Mapping[str, Any]) -> tuple[model.Brick, ...]:
    """Read the bricks that a step's parameters hold."""
    return tuple(model.Brick(**each) for each in params['bricks'])


def _params(step: Step) -> dict[str, Any]:
    params = dataclasses.asdict(step)
    del params['host']
    return params
