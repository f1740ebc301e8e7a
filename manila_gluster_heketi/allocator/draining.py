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

"""All bricks leave some devices, or it is said why they can't."""

from manila_gluster_heketi import model
from manila_gluster_heketi.allocator import replace
from manila_gluster_heketi.allocator import seat as seats
from manila_gluster_heketi.allocator import turns
from manila_gluster_heketi.allocator.ledger import Ledger
from manila_gluster_heketi.allocator.moves import Stuck


def drain(ledger: Ledger) -> tuple[Stuck, ...]:
    """Move all bricks off the devices that are to be emptied.

    :returns: what can't go
    """

    def attempt(urgency: turns.Urgency) -> turns.Outcome:
        left = _leave(ledger, urgency)
        stay_bytes = sum(brick.size_bytes for brick in left)
        wanting = [brick.id for brick in left if ledger.may_move(brick)]
        return turns.Outcome((stay_bytes,), wanting)

    turns.take(ledger, attempt)
    return tuple(_stuck(ledger, brick) for brick in bricks_of(ledger))


def bricks_of(ledger: Ledger) -> list[model.Brick]:
    """List what is on the devices that are to be emptied, largest first."""
    terrain = ledger.terrain
    rooms = [terrain.room(each) for each in terrain.leaving]
    bricks = [brick for room in rooms for brick in ledger.bricks_on(room)]
    return sorted(bricks, key=lambda b: (-b.size_bytes, b.id))


def _leave(ledger: Ledger, urgency: turns.Urgency) -> list[model.Brick]:
    """Move what can go, the largest first; return the rest.

    A small brick finds a place beside a large one, not the other way round.
    """
    left = sorted(bricks_of(ledger), key=lambda b: -urgency[b.id])
    while left:
        # One that can't go may be able to when others of its set have gone.
        again = [brick for brick in left if not _go(ledger, brick)]
        if len(again) == len(left):
            break
        left = again
    return left


def _go(ledger: Ledger, brick: model.Brick) -> bool:
    """Move a brick off a device that is to be emptied."""
    if not ledger.may_move(brick):
        return False
    found = seats.best(ledger.terrain, ledger.seat(brick))
    if found is None:
        return False
    ledger.move(brick, found.room)
    return True


def _stuck(ledger: Ledger, brick: model.Brick) -> Stuck:
    seat = ledger.seat(brick)
    if ledger.may_move(brick):
        reason = str(replace.why_not(ledger.terrain, seat))
    else:
        reason = f'its volume is {seat.volume.state}'
    return Stuck(seat.volume, brick, seat.here, reason)
