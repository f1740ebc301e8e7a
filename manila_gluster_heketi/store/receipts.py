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


"""Receipts: whether a commit that nobody heard of took place.

A server that goes away while it commits leaves its client in doubt. So each
transaction that may have to be made again says in a row which one it is, and
the next attempt looks there first. It locks the row: should the lost server
still be at work on the attempt before, then it waits for that to end, and
after that there is nothing that could still be committed.

A process has one row for each transaction that it makes at the same time, and
uses them again and again.
"""

import contextlib
import dataclasses
import datetime
import queue
from collections.abc import Callable
from collections.abc import Iterator
from typing import Generic
from typing import TypeVar

import sqlalchemy as sa

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.store import schema
from manila_gluster_heketi.store.transaction import WriteTransaction

_T = TypeVar('_T')
_Write = Callable[[], contextlib.AbstractContextManager[WriteTransaction]]

# Rows of processes that are no more go after this time.
_KEPT = datetime.timedelta(days=30)


@dataclasses.dataclass(slots=True)
class Receipt:
    """A row of this process.

    :ivar number: of the transaction that is being made with it
    :ivar is_on_record: whether there is such a row
    """

    id: str = dataclasses.field(default_factory=model.new_id)
    number: int = 0
    is_on_record: bool = False


class Receipts:
    """All receipts of a process."""

    def __init__(self) -> None:
        self._free: queue.SimpleQueue[Receipt] = queue.SimpleQueue()

    @contextlib.contextmanager
    def lend(self) -> Iterator[Receipt]:
        """Give a receipt to one transaction."""
        try:
            receipt = self._free.get_nowait()
        except queue.Empty:
            receipt = Receipt()
        receipt.number += 1
        try:
            yield receipt
        finally:
            self._free.put(receipt)


class Attempts(Generic[_T]):
    """A transaction that can be made again and again, and counts once."""

    def __init__(
        self,
        write: _Write,
        work: Callable[[WriteTransaction], _T],
        receipt: Receipt,
    ) -> None:
        self._write = write
        self._work = work
        self._receipt = receipt
        # What each attempt whose commit is in doubt returned; only the last
        # one can have been committed, since the others were looked for.
        self._doubtful: list[_T] = []

    def make(self) -> _T:
        """Make the transaction, unless an earlier attempt did after all.

        :raises StoreBusy: others got in its way; try again
        :raises StoreLost: the server went away; try again
        """
        if not self._receipt.is_on_record:
            _put_on_record(self._write, self._receipt)
        try:
            with self._write() as tx:
                if self._is_on_record(tx):
                    result = self._doubtful[-1]
                else:
                    result = self._work(tx)
                    _sign(tx, self._receipt)
        except exceptions.CommitUncertain:
            self._doubtful.append(result)
            raise
        return result

    def _is_on_record(self, tx: WriteTransaction) -> bool:
        """Say whether an attempt before this one was committed after all."""
        if not self._doubtful:
            return False
        table = schema.receipts
        rows = tx.rows(
            sa.select(table.c.number)
            .where(table.c.id == self._receipt.id)
            .with_for_update()
        )
        return [row.number for row in rows] == [self._receipt.number]


def _put_on_record(write: _Write, receipt: Receipt) -> None:
    """Make the row, in a transaction of its own: then it can be locked."""
    table = schema.receipts
    now = datetime.datetime.now(datetime.timezone.utc)
    with write() as tx:
        tx.change(table.delete().where(table.c.signed_at < now - _KEPT))
        # It is there if an attempt to make it seemed to fail.
        with contextlib.suppress(exceptions.Conflict):
            tx.insert(table, {'id': receipt.id, 'number': 0, 'signed_at': now})
    receipt.is_on_record = True


def _sign(tx: WriteTransaction, receipt: Receipt) -> None:
    table = schema.receipts
    now = datetime.datetime.now(datetime.timezone.utc)
    signed = tx.change(
        table.update()
        .where(table.c.id == receipt.id)
        .values(number=receipt.number, signed_at=now)
    )
    if not signed:
        # Another store was put into this one's place.
        receipt.is_on_record = False
        raise exceptions.StoreBusy(url=tx.url, reason='it was replaced')
