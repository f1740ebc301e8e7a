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

"""The journal: what is being changed, how far it is, and who does it.

An open operation claims what it changes, and no other one that does is opened
before it is closed. Who reads what it is going to change after it has opened
its operation, in the same transaction, sees what the one before has left.

The owner of an operation holds a lease. Who marks steps should renew the
lease in the same transaction, and stop if it is lost: then a process that
slept through its lease can't mark what its successor is undoing.
"""

import datetime
import itertools
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.store import clock
from manila_gluster_heketi.store import columns
from manila_gluster_heketi.store import schema
from manila_gluster_heketi.store.transaction import Transaction
from manila_gluster_heketi.store.transaction import WriteTransaction
from manila_gluster_heketi.store.transaction import values_of

_OPERATIONS, _STEPS, _CLAIMS = (
    schema.operations,
    schema.steps,
    schema.claims,
)
_MARK = (
    _STEPS.update()
    .where(
        _STEPS.c.operation_id == sa.bindparam('of'),
        _STEPS.c.number.in_(sa.bindparam('numbers', expanding=True)),
    )
    .values(state=sa.bindparam('now'), error=sa.bindparam('because'))
)
# The values are those of the columns.
_RENEW = _OPERATIONS.update().where(
    _OPERATIONS.c.id == sa.bindparam('the_id'),
    _OPERATIONS.c.owner == sa.bindparam('its_owner'),
    _OPERATIONS.c.finished_at.is_(None),
)
_IS_NOT_HELD = _OPERATIONS.c.held == sa.literal(False, columns.Flag())
_RELEASE = _CLAIMS.delete().where(
    _CLAIMS.c.operation_id == sa.bindparam('of')
)


def open_operation(
    tx: WriteTransaction,
    new: model.Operation,
    claims: Collection[str] = (),
) -> None:
    """Record an operation with its steps, before its first command.

    :param claims: what nobody else may change until it is closed
    :raises UnderWay: another open operation claims some of that
    :raises OperationHeld: one does, and is held
    :raises Conflict: its id is taken
    """
    values = values_of(new)
    del values['steps']
    tx.insert(
        schema.operations, values | {'started_at': _now(), 'finished_at': None}
    )
    _claim(tx, new.id, claims)
    add_steps(tx, new.id, new.steps)


def _claim(
    tx: WriteTransaction, operation_id: str, subjects: Collection[str]
) -> None:
    """Claim subjects; wait for whoever is about to claim or release one."""
    try:
        tx.insert(
            schema.claims,
            *(
                {'subject': each, 'operation_id': operation_id}
                # In one order, so that no two wait for each other.
                for each in sorted(subjects)
            ),
        )
    except exceptions.Conflict as clash:
        holder = _holder(tx, subjects)
        if holder is not None:
            raise in_the_way(holder) from clash
        raise exceptions.UnderWay(
            kind=schema.claims.info['kind'],
            identity=clash.fields['identity'],
            reason='it is under way',
        ) from clash


def _holder(
    tx: WriteTransaction, subjects: Collection[str]
) -> sa.Row[Any] | None:
    """Find an operation that claims one of these; it may be closed by now."""
    table = schema.operations
    rows = tx.rows(
        sa.select(table.c.kind, table.c.id, table.c.held)
        .join(schema.claims)
        .where(schema.claims.c.subject.in_(sorted(subjects)))
        .limit(1)
    )
    return rows[0] if rows else None


def check_free(tx: WriteTransaction, subject: str) -> None:
    """See whether an open operation claims a subject.

    :raises UnderWay: one does
    :raises OperationHeld: one does, and is held
    """
    holder = _holder(tx, [subject])
    if holder is not None:
        raise in_the_way(holder)


def in_the_way(
    holder: model.Operation | sa.Row[Any],
) -> exceptions.UnderWay | exceptions.OperationHeld:
    """Make an error of an open operation that another one clashes with."""
    if holder.held:
        return exceptions.OperationHeld(kind=holder.kind, identity=holder.id)
    return exceptions.UnderWay(
        kind=holder.kind, identity=holder.id, reason='it is under way'
    )


def operations(
    tx: Transaction, states: Collection[model.OpState] = tuple(model.OpState)
) -> tuple[model.Operation, ...]:
    """List operations in these states, closed ones too, oldest first."""
    return _operations(tx, schema.operations.c.state.in_(states))


def subjects_done(tx: Transaction, kind: model.OpKind) -> frozenset[str]:
    """List what operations of a kind have done their work on."""
    table = schema.operations
    rows = tx.rows(
        sa.select(table.c.subject).where(
            table.c.kind == kind, table.c.state == model.OpState.DONE
        )
    )
    return frozenset(row.subject for row in rows)


def operation(tx: Transaction, operation_id: str) -> model.Operation:
    """Find an operation, open or closed.

    :raises NotFound: no such operation
    """
    for found in _operations(tx, schema.operations.c.id == operation_id):
        return found
    raise exceptions.NotFound(kind='operation', identity=operation_id)


def set_state(
    tx: WriteTransaction,
    operation_id: str,
    state: model.OpState,
    error: str = '',
) -> None:
    """Move an operation; whether the move is legal is not judged here.

    :param error: why; '' keeps what is on record
    :raises NotFound: no such operation
    """
    values: dict[str, object] = {'state': state}
    if error:
        values['error'] = error
    tx.change_one(_OPERATIONS, operation_id, values)


def add_steps(
    tx: WriteTransaction,
    operation_id: str,
    steps: Iterable[model.StepRecord],
) -> None:
    """Record further steps of an operation.

    :raises Conflict: it has steps of that index, or is not there
    """
    tx.insert(
        schema.steps,
        *(
            {
                'operation_id': operation_id,
                'number': step.index,
                'kind': step.kind,
                'host': step.host,
                'params': step.params,
                'state': step.state,
                'error': step.error,
            }
            for step in steps
        ),
    )


def set_params(
    tx: WriteTransaction,
    operation_id: str,
    index: int,
    params: Mapping[str, object],
) -> None:
    """Record the parameters of a step anew.

    :param index: of the step
    :raises NotFound: it is not there
    """
    changed = tx.change(
        _STEPS.update()
        .where(_STEPS.c.operation_id == operation_id, _STEPS.c.number == index)
        .values(params=params)
    )
    if not changed:
        raise exceptions.NotFound(
            kind='step', identity=f'{operation_id}/{index}'
        )


def mark_steps(
    tx: WriteTransaction,
    operation_id: str,
    states: Mapping[int, model.StepState],
    errors: Mapping[int, str] | None = None,
) -> None:
    """Record how far steps are.

    :param states: by index of the step
    :param errors: by index of the step; a step without one has none now
    :raises NotFound: one of them is not there; none is marked then, if the
        transaction is rolled back
    """
    # Steps side by side are marked alike: one statement does for all.
    alike: dict[tuple[model.StepState, str], list[int]] = {}
    for index, state in states.items():
        error = (errors or {}).get(index, '')
        alike.setdefault((state, error), []).append(index)
    for (state, error), indexes in alike.items():
        changed = tx.change(
            _MARK,
            {
                'of': operation_id,
                'numbers': indexes,
                'now': state,
                'because': error,
            },
        )
        if changed != len(indexes):
            missing = ', '.join(map(str, indexes))
            raise exceptions.NotFound(
                kind='step', identity=f'{operation_id}/{missing}'
            )


def renew_lease(
    tx: WriteTransaction,
    operation_id: str,
    owner: str,
    until: datetime.datetime,
    last_command: str = '',
) -> bool:
    """Hold an operation longer.

    :param last_command: what a host was told; '' keeps what is on record
    :returns: False if the lease is lost: another process owns the operation,
        or it is closed
    """
    changed = tx.change(
        _RENEW,
        {
            'the_id': operation_id,
            'its_owner': owner,
            'lease_until': until,
            **({'last_command': last_command} if last_command else {}),
        },
    )
    return bool(changed)


def take_over(
    tx: WriteTransaction,
    operation_id: str,
    new_owner: str,
    now: datetime.datetime,
    until: datetime.datetime,
) -> bool:
    """Become the owner of an open operation whose lease has expired.

    A new epoch begins, so that hosts do not go on for the old owner.

    :returns: whether it worked; of many processes it does for one, and for
        none if the operation is held
    """
    table = schema.operations
    changed = tx.change(
        table.update()
        .where(
            table.c.id == operation_id,
            table.c.lease_until < now,
            table.c.finished_at.is_(None),
            _IS_NOT_HELD,
        )
        .values(
            owner=new_owner, lease_until=until, epoch=table.c.epoch + 1
        )
    )
    return bool(changed)


def hold_open(tx: WriteTransaction) -> int:
    """Have nobody take over what is open: it is as old as the copy it is of.

    :returns: how many operations are held now that were not
    """
    table = schema.operations
    return tx.change(
        table.update()
        .where(table.c.finished_at.is_(None), _IS_NOT_HELD)
        .values(held=True)
    )


def release(tx: WriteTransaction, operation_id: str) -> None:
    """Hold an operation no longer: an operator has looked at it.

    :raises NotFound: no such operation
    """
    tx.change_one(_OPERATIONS, operation_id, {'held': False})


def begin_epoch(tx: WriteTransaction, operation_id: str, epoch: int) -> None:
    """Have hosts not go on with what they were told in earlier epochs.

    :raises NotFound: no such operation
    """
    tx.change_one(_OPERATIONS, operation_id, {'epoch': epoch})


def close_operation(tx: WriteTransaction, operation_id: str) -> None:
    """Make an operation history: nobody can renew or take over its lease.

    What it claimed is free.

    :raises NotFound: no such operation
    """
    tx.change_one(
        _OPERATIONS, operation_id, {'finished_at': _now(), 'held': False}
    )
    tx.change(_RELEASE, {'of': operation_id})


def _now() -> datetime.datetime:
    return clock.local()


def _operations(
    tx: Transaction, wanted: sa.ColumnElement[bool]
) -> tuple[model.Operation, ...]:
    table, step_table = schema.operations, schema.steps
    # One statement, so that a server shows each operation with the steps of
    # the same moment.
    rows = tx.rows(
        sa.select(
            table,
            *(each.label(f'step_{each.name}') for each in step_table.c),
        )
        .select_from(table.outerjoin(step_table))
        .where(wanted)
        .order_by(table.c.started_at, table.c.id, step_table.c.number)
    )
    return tuple(
        _operation(list(members))
        for _, members in itertools.groupby(rows, lambda row: row.id)
    )


def _operation(rows: list[sa.Row[Any]]) -> model.Operation:
    """Make one operation of its rows, one for each step."""
    first = rows[0]
    return model.Operation(
        id=first.id,
        kind=first.kind,
        subject=first.subject,
        cluster_id=first.cluster_id,
        state=first.state,
        owner=first.owner,
        lease_until=first.lease_until,
        epoch=first.epoch,
        last_command=first.last_command,
        held=first.held,
        steps=tuple(
            model.StepRecord(
                index=row.step_number,
                kind=row.step_kind,
                host=row.step_host,
                params=row.step_params,
                state=row.step_state,
                error=row.step_error,
            )
            for row in rows
            # An operation without steps has one row nevertheless.
            if row.step_number is not None
        ),
        error=first.error,
        started_at=first.started_at,
        finished_at=first.finished_at,
    )
