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

"""Tests of how the tests that need a lab are shared out among labs."""

import collections
import pathlib
import unittest
from collections.abc import Iterator

from stestr import scheduler

from tests import base

_TESTS = pathlib.Path(__file__).resolve().parents[1]


def _ids(suite: unittest.TestSuite) -> Iterator[str]:
    for each in suite:
        if isinstance(each, unittest.TestSuite):
            yield from _ids(each)
        else:
            assert isinstance(each, unittest.TestCase), each
            yield each.id()


def _in_lab(directory: str) -> list[str]:
    """List the tests below a directory; those need a lab that say so."""
    found = unittest.TestLoader().discover(
        str(_TESTS / directory), top_level_dir=str(_TESTS.parent)
    )
    return list(_ids(found))


class LabWorkersTest(base.TestCase):
    # Manila asks for this host's address when it is imported.
    allow_sockets = True

    def test_each_test_belongs_to_one_worker(self) -> None:
        wanted = [
            *_in_lab('lab'),
            *(each for each in _in_lab('contract') if '.Lab' in each),
        ]
        self.assertGreater(len(wanted), 100)
        shared_out = self._shared_out('workers.yaml', wanted)
        self.assertEqual(
            dict.fromkeys(wanted, 1), dict(collections.Counter(shared_out))
        )

    def test_each_test_without_a_lab_belongs_to_one_worker(self) -> None:
        wanted = [
            each
            for directory in ('contract', 'crash', 'functional', 'unit')
            for each in _in_lab(directory)
        ]
        self.assertGreater(len(wanted), 4000)
        shared_out = self._shared_out('../workers.yaml', wanted)
        self.assertEqual(
            dict.fromkeys(wanted, 1), dict(collections.Counter(shared_out))
        )

    def test_each_crash_point_belongs_to_one_worker(self) -> None:
        wanted = [
            each
            for each in _in_lab('lab')
            if '.test_crash_points.' in each or '.test_rotation.' in each
        ]
        self.assertGreater(len(wanted), 4)
        shared_out = self._shared_out('workers_crash.yaml', _in_lab('lab'))
        self.assertEqual(sorted(wanted), sorted(shared_out))

    def _shared_out(self, name: str, ids: list[str]) -> list[str]:
        groups = scheduler.generate_worker_partitions(
            ids, str(_TESTS / 'lab' / name)
        )
        return [each for group in groups for each in group]
