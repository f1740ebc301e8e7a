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

"""Changes of the certificate authority: at most one is under way."""

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.store import schema
from manila_gluster_heketi.store.transaction import Transaction
from manila_gluster_heketi.store.transaction import WriteTransaction
from manila_gluster_heketi.store.transaction import values_of

_TABLE = schema.rotations
_LATEST = _TABLE.select().order_by(_TABLE.c.number.desc()).limit(1)


def latest(tx: Transaction) -> model.Rotation | None:
    """Find the last one, whether it has ended or not."""
    found = tx.values(model.Rotation, _LATEST)
    return found[0] if found else None


def begin(tx: WriteTransaction, new: model.Rotation) -> None:
    """Record one that begins.

    :raises UnderWay: another process has just begun one
    """
    try:
        tx.insert(_TABLE, values_of(new))
    except exceptions.Conflict as conflict:
        raise _under_way(new) from conflict


def change(
    tx: WriteTransaction, known: model.Rotation, new: model.Rotation
) -> None:
    """Change one that must be as it was read before.

    :raises UnderWay: another process has changed it
    """
    changed = tx.change(
        _TABLE.update()
        .where(
            _TABLE.c.number == known.number,
            _TABLE.c.phase == known.phase,
            _TABLE.c.direction == known.direction,
            _TABLE.c.ended_at.is_(None),
        )
        .values(values_of(new))
    )
    if not changed:
        raise _under_way(known)


def _under_way(rotation: model.Rotation) -> exceptions.UnderWay:
    return exceptions.UnderWay(
        kind=_TABLE.info['kind'],
        identity=rotation.number,
        reason='another process has just changed it',
    )
