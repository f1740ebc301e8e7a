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

"""The gluster command line, and what its refusals mean.

Facts from glusterfs 10.3. glusterd locks per volume; a CLI that is killed
early leaves its locks behind, so no command is given less time than the CLI
takes to give up (120 s) and a lock to expire (180 s).
"""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Protocol

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import names
from manila_gluster_heketi.durability import Durability
from manila_gluster_heketi.durability import Kind
from manila_gluster_heketi.hostcmd import gluster_errors
from manila_gluster_heketi.hostcmd import gluster_xml
from manila_gluster_heketi.hostcmd.command import Command
from manila_gluster_heketi.hostcmd.command import Condition
from manila_gluster_heketi.hostcmd.command import Guard
from manila_gluster_heketi.hostcmd.command import Tolerance

TIMEOUT_SECONDS = 200

# How often in a row gluster may be too busy to say how far a removal is.
_MISSES_IN_A_ROW = 30


class Answer(Protocol):
    """What comes back from a command: executor.base.Result is one."""

    @property
    def stdout(self) -> str:
        """Standard output."""


#: Runs commands on some host of the cluster.
Runner = Callable[[Sequence[Command]], Sequence[Answer]]


def peer_probe(host: str) -> Command:
    """Take a host into the trusted pool; one that is in it is fine."""
    return _change('peer', 'probe', host)


def peer_detach(host: str, *, force: bool = False) -> Command:
    """Take a host out of the trusted pool; one that is not in it is fine.

    Refused while a volume has a brick on it.

    :param force: even if the host is down
    """
    words = ('peer', 'detach', host, *(('force',) if force else ()))
    return _change(*words, already=('is not part of cluster',))


def pool_list() -> Command:
    """Ask for the peers as one host sees them; it takes no lock."""
    return _question('pool', 'list')


def volume_create(
    name: str, durability: Durability, addresses: Sequence[str]
) -> Command:
    """Make a volume from bricks.

    A second run is refused: "Volume NAME already exists". That is not
    tolerated, because it may be someone else's volume: compare the bricks.

    :param addresses: HOST:PATH, set by set
    """
    words = _kind(durability)
    if durability.kind is Kind.DISPERSE:
        words = (
            'disperse-data',
            str(durability.parts),
            'redundancy',
            str(durability.redundancy),
        )
    return _change('volume', 'create', name, *words, *addresses)


def volume_set(name: str, options: Mapping[str, str]) -> Command:
    """Set options in one transaction: all of them, or none.

    Each transaction takes a second or two, whatever is in it. A second run
    changes nothing.
    """
    words = [word for pair in options.items() for word in pair]
    return _change('volume', 'set', name, *words)


def volume_get(name: str, option: str) -> Command:
    """Ask for one option, its default included."""
    return _question('volume', 'get', name, option)


def volume_info(name: str = 'all') -> Command:
    """Ask for bricks and options of one volume or all; takes no lock."""
    return _question('volume', 'info', name)


def volume_status(name: str) -> Command:
    """Ask which bricks of a started volume run; takes the volume's lock."""
    return _question('volume', 'status', name)


def volume_record(name: str) -> Command:
    """Look whether glusterd has a volume on record; skipped if it has not.

    It removes the record when it deletes the volume, before it answers. To
    look starts no gluster program, of which each takes a tenth of a second.
    """
    return Command(
        ('true',),
        reads_only=True,
        guard=Guard(
            Condition.EXISTS, f'{names.GLUSTERD_STATE}/vols/{name}/info'
        ),
    )


def volume_list() -> Command:
    """Ask for the names of all volumes; takes no lock."""
    return _question('volume', 'list')


def volume_start(name: str) -> Command:
    """Start a volume; a started one is fine."""
    return _change(
        'volume',
        'start',
        name,
        already=(_here(f'Volume {name} already started'),),
    )


def volume_start_force(name: str) -> Command:
    """Start what is not running of a volume: bricks, heal, quota daemon.

    A second run changes nothing.
    """
    return _change('volume', 'start', name, 'force')


def volume_stop(name: str) -> Command:
    """Stop a volume, used or not; a stopped or absent one is fine."""
    return _change(
        'volume',
        'stop',
        name,
        'force',
        already=(
            _here(f'Volume {name} is not in the started state'),
            _here(_gone(name)),
        ),
    )


def volume_delete(name: str) -> Command:
    """Delete a stopped volume; an absent one is fine.

    Refused while any peer of the cluster is down. The brick directories stay
    and can't be used in another volume.
    """
    return _change('volume', 'delete', name, already=(_here(_gone(name)),))


def add_brick(
    name: str, durability: Durability, addresses: Sequence[str]
) -> Command:
    """Add brick sets to a volume.

    A second run finds them in use. Their paths have to be unique.

    :param durability: as the volume has it, or the volume's would be changed
    """
    return _change(
        'volume',
        'add-brick',
        name,
        *_kind(durability),
        *addresses,
        already=(f'Brick: {addresses[0]} not available',),
    )


def remove_brick_start(name: str, addresses: Sequence[str]) -> Command:
    """Have the data moved off brick sets; one under way is fine.

    Refused while a rebalance runs: see :func:`rebalance_stop`.
    """
    return _change(
        'volume',
        'remove-brick',
        name,
        *addresses,
        'start',
        already=('An earlier remove-brick task exists',),
    )


def remove_brick_stop(name: str, addresses: Sequence[str]) -> Command:
    """Leave brick sets in; one that is under way, or failed, is forgotten."""
    return _change('volume', 'remove-brick', name, *addresses, 'stop')


def remove_brick_status(name: str, addresses: Sequence[str]) -> Command:
    """Ask how far the moving is; takes the volume's lock."""
    return _question('volume', 'remove-brick', name, *addresses, 'status')


def remove_brick_commit(name: str, addresses: Sequence[str]) -> Command:
    """Take brick sets out of a volume once their data is elsewhere.

    A second run is refused, in words that also have other meanings; see
    :func:`remove_sets_if_there`.
    """
    return _change('volume', 'remove-brick', name, *addresses, 'commit')


def rebalance_start(name: str) -> Command:
    """Have files moved to new sets; the CLI blocks for some 10 s.

    One that runs already is fine.
    """
    return _change(
        'volume', 'rebalance', name, 'start', already=('is already started',)
    )


def rebalance_stop(name: str) -> Command:
    """Have no more files moved; where nothing runs, that is fine."""
    return _change(
        'volume',
        'rebalance',
        name,
        'stop',
        already=('ebalance not started', 'is not a distribute volume'),
    )


def rebalance_status(name: str) -> Command:
    """Ask how far a rebalance is; takes the volume's lock."""
    return _question('volume', 'rebalance', name, 'status')


def quota_enable(name: str) -> Command:
    """Count what directories hold; on a started volume only.

    Where it is on already, that is fine.
    """
    return _change(
        'volume', 'quota', name, 'enable', already=('already enabled',)
    )


def quota_limit(name: str, size_bytes: int) -> Command:
    """Set what the whole volume may hold; a second run changes nothing."""
    return _change(
        'volume', 'quota', name, 'limit-usage', '/', str(size_bytes)
    )


def quota_list(name: str) -> Command:
    """Ask for limit and use of the whole volume.

    With the path, because without it the answer was empty, with exit status
    1, for volumes that had got their limit a moment before.
    """
    return _question('volume', 'quota', name, 'list', '/')


def heal_info(name: str) -> Command:
    """Ask how many files each brick waits to have healed."""
    return _question('volume', 'heal', name, 'info', 'summary')


def remove_volume_if_there(
    run: Runner, name: str, addresses: Sequence[str]
) -> None:
    """Stop and delete a volume if it is made of these bricks.

    One of the same name with other bricks is not ours, and stays. A second
    stop makes the record of it newer than that of a host which was cut off in
    the midst of a change, and has made it alone: as new and other, and peers
    would reject it.
    """
    found = _info(run, name)
    if found is not None and found.addresses == tuple(addresses):
        run([volume_stop(name), volume_stop(name), volume_delete(name)])


def remove_sets_if_there(
    run: Runner,
    name: str,
    per_set: int,
    addresses: Sequence[str],
    pause: Callable[[], None],
) -> None:
    """Take those of these brick sets out of a volume that are in it.

    Clients may have written to them: their data is moved off first.

    :param per_set: bricks of one set
    :param pause: waits a moment between two looks at how far that is
    :raises GlusterError: not all data could be moved; the sets stay
    """
    found = _info(run, name)
    if found is None:
        return
    present: list[str] = []
    for start in range(0, len(addresses), per_set):
        brick_set = addresses[start : start + per_set]
        if set(brick_set) <= set(found.addresses):
            present += brick_set
    if present:
        run([rebalance_stop(name), remove_brick_start(name, present)])
        _await_removal(run, name, present, pause)
        run([remove_brick_commit(name, present)])


def _await_removal(
    run: Runner,
    name: str,
    addresses: Sequence[str],
    pause: Callable[[], None],
) -> None:
    question = remove_brick_status(name, addresses)
    misses = 0
    while True:
        [answer] = run([question])
        try:
            progress = gluster_xml.brick_removal('', answer.stdout)
        except exceptions.GlusterBusy:
            misses += 1
            if misses > _MISSES_IN_A_ROW:
                raise
            pause()
            continue
        misses = 0
        if progress.failures or progress.status not in (
            'in progress',
            'completed',
        ):
            # As long as gluster knows of one it begins no other.
            run([remove_brick_stop(name, addresses)])
            raise exceptions.GlusterError(
                host='',
                command=str(question),
                stderr=f'{progress.status}, {progress.failures} files failed',
            )
        if progress.status == 'completed':
            return
        pause()


def classify(error: exceptions.CommandFailed) -> exceptions.HostError:
    """Say what the failure of a gluster command means.

    :returns: a GlusterError or a subclass of it; CommandTimedOut if the CLI
        gave up waiting, so that the outcome is unknown; HostUnfit if glusterd
        does not run; the error itself if it is not gluster's
    """
    if not error.fields['command'].startswith('gluster '):
        return error
    return gluster_errors.meaning(error.fields)


def _info(run: Runner, name: str) -> gluster_xml.VolumeInfo | None:
    [answer] = run([volume_info(name)])
    found = gluster_xml.volumes('', answer.stdout)
    return found[0] if found else None


def _kind(durability: Durability) -> tuple[str, ...]:
    """Say what sets are, to create them and to add them alike."""
    if durability.kind is Kind.REPLICATE:
        return ('replica', str(durability.data_bricks))
    if durability.kind is Kind.ARBITER:
        return ('replica', str(durability.bricks_per_set), 'arbiter', '1')
    return ()


def _gone(name: str) -> str:
    return f'Volume {name} does not exist'


def _here(reason: str) -> str:
    """Write what the host that was asked refuses by itself.

    A peer that missed a change says the same of the volume as it knows it:
    "failed: Staging failed on PEER. Error: Volume NAME does not exist".
    """
    return f': failed: {reason}'


def _change(*words: str, already: tuple[str, ...] = ()) -> Command:
    return Command(
        ('gluster', '--mode=script', *words),
        timeout_seconds=TIMEOUT_SECONDS,
        tolerated=tuple(Tolerance(1, text) for text in already),
    )


def _question(*words: str) -> Command:
    """Ask in XML, where the answer itself tells of a failure.

    The exit status is then 0, 1, 2, 234 or 254 with no rule to it, but
    standard error is empty: what there is to say is on standard output.
    """
    return Command(
        ('gluster', '--mode=script', '--xml', *words),
        timeout_seconds=TIMEOUT_SECONDS,
        reads_only=True,
        tolerated=tuple(Tolerance(status, '') for status in (1, 2, 234, 254)),
    )
