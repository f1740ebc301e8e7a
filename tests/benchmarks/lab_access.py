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

"""From an access rule to a client that mounts, against one ``volume set``.

Run it with ``python -m tests.benchmarks.lab_access --lab NAME``. The bare
``gluster volume set`` changes the same option of a second volume, on the same
node, by a script over an SSH connection that is open already. The two take
turns, and each goes first every other time.
"""

import pathlib
import tempfile
from collections.abc import Callable

from manila_gluster_heketi.lab import client
from manila_gluster_heketi.service import Service
from manila_gluster_heketi.tls import issue
from tests.benchmarks import _floor
from tests.benchmarks import _lab

_SET = 'gluster --mode=script volume set {name} auth.ssl-allow {value}'


class Bench:
    """Two volumes, and what was measured on them, in seconds."""

    def __init__(
        self, floor: _floor.Floor, service: Service, files: pathlib.Path
    ) -> None:
        self._floor = floor
        self._service = service
        self._files = files
        self._bare, self._ours = (
            service.create_volume(_lab.spec()) for _ in range(2)
        )
        address = service.bricks(self._ours)[0].partition(':')[0]
        [self._node] = [n for n in floor.lab.nodes if n.address == address]
        self._export = f'{address}:/{self._ours.name}'
        self.times: dict[str, list[float]] = {}

    def close(self) -> None:
        """Delete the volumes."""
        for volume in (self._bare, self._ours):
            self._service.delete_volume(volume.share_id)

    def round(self, number: int) -> None:
        """Let one name in, each way."""
        name = f'client-{number}'
        ways = [self._set, self._allow]
        for way in ways[:: -1 if number % 2 else 1]:
            way(name)

    def _set(self, name: str) -> None:
        options = self._floor.options(self._bare.name)
        value = f'{options["auth.ssl-allow"]},{name}'
        script = _SET.format(name=self._bare.name, value=value)
        self._time(
            'one volume set', lambda: self._floor.run(self._node, script)
        )

    def _allow(self, name: str) -> None:
        share = self._ours.share_id
        attempt = self._client(name)
        self._time(
            'access add, until a client may mount',
            lambda: self._service.change_access(share, add=[name]),
        )
        # The first attempt succeeds: so it is mountable by now.
        self._time('the mount itself', attempt.mount)
        attempt.unmount()

    def _client(self, name: str) -> client.Client:
        directory = self._files / name
        if not directory.exists():
            directory.mkdir()
            issue.write_bundle(
                self._service.clients.issue(name), str(directory)
            )
        return client.Client(self._floor.lab, self._export, directory)

    def _time(self, what: str, call: Callable[[], object]) -> None:
        self.times.setdefault(what, []).append(_lab.seconds(call))


def main() -> None:
    """Measure and print."""
    given = _lab.arguments('tests.benchmarks.lab_access', runs=10)
    service = _lab.service(given.lab)
    with tempfile.TemporaryDirectory() as files:
        bench = Bench(
            _floor.Floor(given.lab, service), service, pathlib.Path(files)
        )
        try:
            for number in range(given.runs):
                bench.round(number)
        finally:
            bench.close()
    report = _lab.Report('Access to a volume, replica 3')
    median = {
        name: report.times(name, values)
        for name, values in bench.times.items()
    }
    report.figure(
        'access add / one volume set',
        median['access add, until a client may mount']
        / median['one volume set'],
        'goal: at most 1.5',
    )
    report.finish(given.json)


if __name__ == '__main__':
    main()
