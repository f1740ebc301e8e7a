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


"""Trying an operation elsewhere, without what failed."""

from collections.abc import Callable
from collections.abc import Sequence
from typing import TypeVar

from oslo_log import log

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.model import Operation
from manila_gluster_heketi.operations import culprits
from manila_gluster_heketi.operations.engine import Engine

LOG = log.getLogger(__name__)

Reserved = TypeVar('Reserved')


def run(
    engine: Engine,
    reserve: Callable[[frozenset[str]], tuple[Reserved, Operation | None]],
    *,
    attempts: int,
    beside_stuck: bool,
) -> Reserved:
    """Reserve and run; after a failure again, without what failed.

    :param reserve: opens an operation without the nodes and devices of these
        identities; or none, if there is nothing to do
    :param attempts: how often, at most
    :param beside_stuck: whether one that is not undone yet is no obstacle
    :returns: what was reserved, once the operation is done
    :raises OperationFailed: the first attempt after which nothing else was
        left to try
    """
    excluded: frozenset[str] = frozenset()
    failure: exceptions.OperationFailed | None = None
    for left in reversed(range(attempts)):
        try:
            reserved, operation = reserve(excluded)
        except exceptions.NoSpace as error:
            # Without what failed there is no room: the failure is what the
            # reader must know.
            raise failure or error from error
        if operation is None:
            return reserved
        try:
            engine.run(operation)
        except exceptions.OperationFailed as error:
            found = _culprits(engine, operation, error)
            failure = _about(error, found)
            is_stuck = isinstance(error, exceptions.OperationStuck)
            is_new = not {each.id for each in found} <= excluded
            if not left or not is_new or (is_stuck and not beside_stuck):
                raise failure from error
            excluded = excluded.union(each.id for each in found)
            LOG.warning('trying it elsewhere: %s', failure)
            continue
        return reserved
    raise AssertionError('the last attempt returns or raises')


def _culprits(
    engine: Engine, operation: Operation, error: exceptions.OperationFailed
) -> tuple[culprits.Culprit, ...]:
    errors = error.fields.get('errors', ())
    with engine.store.read() as tx:
        return culprits.find(tx, operation.cluster_id, errors)


def _about(
    error: exceptions.OperationFailed, found: Sequence[culprits.Culprit]
) -> exceptions.OperationFailed:
    """Have an error name what it is about, devices by their paths."""
    if not found:
        return error
    about = ', '.join(each.name for each in found)
    reason = f'{error.fields["reason"]} This is about {about}.'
    return type(error)(**{**error.fields, 'reason': reason})
