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

"""Steps that are done, or undone, at once.

Steps that stand side by side in the journal with the same kind and different
hosts are one phase: nothing of one waits for another.
"""

import concurrent.futures
import dataclasses
import itertools
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence

from oslo_log import log

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.executor import parallel
from manila_gluster_heketi.model import Operation
from manila_gluster_heketi.model import StepRecord
from manila_gluster_heketi.model import StepState
from manila_gluster_heketi.operations.site import Found

LOG = log.getLogger(__name__)


def of(steps: Sequence[StepRecord]) -> list[list[StepRecord]]:
    """Give the phases of an operation, in order."""
    ordered = sorted(steps, key=lambda s: s.index)
    return [
        list(group)
        for _, group in itertools.groupby(ordered, key=lambda s: s.kind)
    ]


def act_on(
    records: Sequence[StepRecord],
    act: Callable[[StepRecord], Found],
) -> tuple[dict[int, Found], dict[int, Exception]]:
    """Act on all steps at once; what each found, or why it failed."""

    def attempt(record: StepRecord) -> Found | Exception:
        try:
            return act(record)
        except exceptions.GlusterHeketiError as error:
            return error
        except Exception as bug:
            LOG.exception('step %s on %s', record.kind, record.host)
            return _broken(record, bug)

    if len(records) == 1:
        outcomes = [attempt(records[0])]
    elif records:
        workers = min(len(records), parallel.MAX_PARALLEL)
        with concurrent.futures.ThreadPoolExecutor(workers) as pool:
            outcomes = list(pool.map(attempt, records))
    else:
        outcomes = []
    found: dict[int, Found] = {}
    errors: dict[int, Exception] = {}
    for record, outcome in zip(records, outcomes, strict=True):
        if isinstance(outcome, Exception):
            errors[record.index] = outcome
        else:
            found[record.index] = outcome
    return found, errors


def _broken(
    record: StepRecord, bug: Exception
) -> exceptions.GlusterHeketiError:
    """Say where a bug showed; what it says by itself may be one word."""
    error = exceptions.StepBroke(
        step=record.kind,
        host=record.host or 'any host',
        error=type(bug).__name__,
        said=str(bug) or 'without a word',
    )
    error.__cause__ = bug
    return error


def all_marked(
    records: Sequence[StepRecord], state: StepState
) -> dict[int, StepState]:
    """Give all of them one state, by their index."""
    return {record.index: state for record in records}


def with_marks(
    operation: Operation, marks: Mapping[int, StepState]
) -> Operation:
    """Give an operation whose steps are so far; others are as they were."""
    return dataclasses.replace(
        operation,
        steps=tuple(
            dataclasses.replace(s, state=marks.get(s.index, s.state))
            for s in operation.steps
        ),
    )
