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

"""The journal at a glance, however long it is, and how it is kept short."""

import dataclasses
import datetime
from collections.abc import Collection

import sqlalchemy as sa

from manila_gluster_heketi import model
from manila_gluster_heketi.store import schema
from manila_gluster_heketi.store.transaction import Transaction
from manila_gluster_heketi.store.transaction import WriteTransaction

# Operations that are forgotten in one transaction: others wait for it.
_AT_ONCE = 100


@dataclasses.dataclass(frozen=True, slots=True)
class Summary:
    """An operation without its steps; see :class:`model.Operation`.

    :ivar steps: how many it has
    :ivar steps_done: how many of them are done
    """

    id: str
    kind: model.OpKind
    subject: str
    state: model.OpState
    held: bool
    error: str
    steps: int
    steps_done: int


def summaries(
    tx: Transaction, states: Collection[model.OpState], limit: int
) -> tuple[Summary, ...]:
    """List operations in these states, closed ones too, oldest first.

    :param limit: how many, the newest ones; 0 for all
    """
    table, steps = schema.operations, schema.steps
    wanted = (
        sa.select(table)
        .where(table.c.state.in_(states))
        .order_by(table.c.started_at.desc(), table.c.id.desc())
    )
    # Steps are counted for what is listed, not for all there is.
    listed = (wanted.limit(limit) if limit else wanted).subquery()
    counted = (
        sa.select(sa.func.count())
        .select_from(steps)
        .where(steps.c.operation_id == listed.c.id)
    )
    done = counted.where(steps.c.state == model.StepState.DONE)
    names = {each.name for each in dataclasses.fields(Summary)}
    found = tx.values(
        Summary,
        sa.select(
            *(each for each in listed.c if each.name in names),
            counted.scalar_subquery().label('steps'),
            done.scalar_subquery().label('steps_done'),
        ).order_by(listed.c.started_at.desc(), listed.c.id.desc()),
    )
    return found[::-1]


def prune(tx: WriteTransaction, before: datetime.datetime) -> int:
    """Forget some operations that were closed before an instant, if any.

    :returns: how many
    """
    table = schema.operations
    rows = tx.rows(
        sa.select(table.c.id)
        .where(table.c.finished_at < before)
        .order_by(table.c.finished_at)
        .limit(_AT_ONCE)
    )
    # MariaDB takes no limit within a condition.
    return tx.change(
        table.delete().where(table.c.id.in_([r.id for r in rows]))
    )
