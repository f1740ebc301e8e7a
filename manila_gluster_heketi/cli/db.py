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

"""``gluster-heketi db``: the store itself, wherever it is kept."""

import argparse
import contextlib
import os
import sys
from collections.abc import Iterator
from typing import TextIO

from cliff import command
from cliff import show
from cliff.app import App

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.cli import configured
from manila_gluster_heketi.store import backup
from manila_gluster_heketi.store import export
from manila_gluster_heketi.store import files
from manila_gluster_heketi.store import load
from manila_gluster_heketi.store.session import Store

_Shown = tuple[tuple[str, ...], tuple[object, ...]]


class Sync(show.ShowOne):
    """Create the store's tables, or bring them up to this release.

    Each process does so when it starts. Do it by hand to see it done before.
    """

    def take_action(self, parsed_args: argparse.Namespace) -> _Shown:
        """Migrate, and show what there is now."""
        return _shown(configured.service_for(self.app).store)


class Version(show.ShowOne):
    """Show which schema the store has and which one this release needs."""

    def take_action(self, parsed_args: argparse.Namespace) -> _Shown:
        """Look at it; nothing is changed."""
        with _store(self.app) as store:
            return _shown(store)


class Backup(show.ShowOne):
    """Copy a store that is a file, while it is in use.

    The copy is a store too: to go back to it, stop all processes and put it
    in the place of the file. What is under way meanwhile is held in the copy.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Ask where it goes."""
        parser = super().get_parser(prog_name)
        parser.add_argument('file', help='a new file; none is overwritten')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> _Shown:
        """Copy it, and show how large the copy is, and what is held."""
        path = parsed_args.file
        with _store(self.app) as store:
            held = backup.copy(store, path)
        return (
            ('File', 'Bytes', 'Held'),
            (path, os.path.getsize(path), held),
        )


class Hold(command.Command):
    """Hold the operations that are open in a store that was put back.

    For copies that were made by other means than "db backup" and "db export":
    what they have open may have ended long ago. Run it before any process
    starts. Nobody goes on with what is held but by "operation accept",
    "resume" or "abandon".
    """

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Mark them, and say how many there are."""
        held = configured.service_for(self.app).hold_open()
        self.app.stderr.write(f'gluster-heketi: {held} operations are held\n')


class Export(command.Command):
    """Write all that is on record as text that any database can take.

    Each line is a JSON object; the last one has a checksum of the others.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Ask where it goes."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'file', help='a new file; none is overwritten; - for stdout'
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Write it, and say how much was written."""
        path = parsed_args.file
        with _store(self.app) as store:
            if path == '-':
                rows = export.write(store, self.app.stdout.write)
            else:
                with files.new(path) as made:
                    with open(made, 'w', encoding='ascii') as file:
                        rows = export.write(store, file.write)
        self.app.stderr.write(f'gluster-heketi: {rows} rows exported\n')


class Import(command.Command):
    """Fill an empty store with what was exported from another one.

    Either all of it is on record afterwards, or nothing has changed. Stop all
    other processes before: they would go on with what they know.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Ask for the file."""
        parser = super().get_parser(prog_name)
        parser.add_argument('file', help='an export; - for stdin')
        parser.add_argument(
            '--force',
            action='store_true',
            help='forget what the store has; default: refuse if it has any',
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Read it, and say how much was read."""
        store = configured.service_for(self.app).store
        path = parsed_args.file
        with _opened(path) as file:
            rows = load.read(store, file, path, replace=parsed_args.force)
        self.app.stderr.write(f'gluster-heketi: {rows} rows imported\n')


@contextlib.contextmanager
def _store(app: App) -> Iterator[Store]:
    """Open the store as it is, which may be older than this release."""
    store = Store(configured.settings_for(app).store_connection)
    try:
        yield store
    finally:
        store.close()


def _shown(store: Store) -> _Shown:
    state = store.state()
    return (
        ('Store', 'Engine', 'Schema', 'Schema Needed', 'Up To Date'),
        (
            store.url,
            state.engine,
            state.revision or '',
            state.needed,
            state.revision == state.needed,
        ),
    )


@contextlib.contextmanager
def _opened(path: str) -> Iterator[TextIO]:
    if path == '-':
        yield sys.stdin
        return
    try:
        # What is not ASCII shows in the checksum.
        file = open(path, encoding='ascii', errors='surrogateescape')
    except OSError as error:
        raise exceptions.InvalidInput(
            field='file', value=path, reason=f'{error.strerror}'
        ) from error
    with file:
        yield file
