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


"""Two nodes of MariaDB that replicate to each other with Galera."""

import contextlib
import socket
import time
from collections.abc import Callable

import sqlalchemy as sa

from tests.functional import servers

_PROVIDER = '/usr/lib/galera/libgalera_smm.so'
_SECONDS = 60


class Galera:
    """A cluster on the loopback interface.

    :ivar nodes: two servers with the same databases
    """

    def __init__(self) -> None:
        """Start both nodes; the second one copies the first.

        :raises NotInstalled: there is no MariaDB
        """
        gossips = _free_ports(2)
        self.nodes = [
            servers.Mariadb(
                *_settings(gossip, *_free_ports(2)),
                f'--wsrep-cluster-address=gcomm://{peer}',
            )
            for gossip, peer in zip(
                gossips, ('', f'127.0.0.1:{gossips[0]}'), strict=True
            )
        ]
        for node in self.nodes:
            node.start()
        self._wait_until(
            lambda: self._status('wsrep_cluster_size') == '2', 'two nodes'
        )

    def lose_second(self) -> None:
        """Kill the second node, and wait until the first one misses it."""
        self.nodes[1].kill()
        self._wait_until(lambda: not self._is_writable(), 'a node alone')

    def let_first_go_on(self) -> None:
        """Tell the first node that the second one does not come back."""
        # It is not ready when it says so.
        with contextlib.suppress(sa.exc.OperationalError):
            self.nodes[0].ask(
                "SET GLOBAL wsrep_provider_options = 'pc.bootstrap=1'"
            )

    @staticmethod
    def _wait_until(happened: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + _SECONDS
        while not happened():
            if time.monotonic() > deadline:
                raise RuntimeError(f'waited in vain for {what}')
            time.sleep(0.05)

    def _status(self, name: str) -> str:
        [row] = self.nodes[0].ask(f"SHOW STATUS LIKE '{name}'")
        return str(row[1])

    def _is_writable(self) -> bool:
        try:
            self.nodes[0].ask('FLUSH STATUS')
        except sa.exc.OperationalError:
            return False
        return True

    def remove(self) -> None:
        """Stop both and forget what they held."""
        for node in reversed(self.nodes):
            node.remove()


def _settings(gossip: int, increment: int, copy: int) -> tuple[str, ...]:
    """Make the settings of a node of the ports that it listens on."""
    options = ';'.join(
        (
            f'gmcast.listen_addr=tcp://127.0.0.1:{gossip}',
            f'ist.recv_addr=127.0.0.1:{increment}',
            'gcache.size=8M',
            'evs.suspect_timeout=PT3S',
            'evs.inactive_timeout=PT6S',
        )
    )
    return (
        '--wsrep-on=ON',
        f'--wsrep-provider={_PROVIDER}',
        f'--wsrep-provider-options={options}',
        f'--wsrep-node-address=127.0.0.1:{gossip}',
        '--wsrep-sst-method=rsync',
        f'--wsrep-sst-receive-address=127.0.0.1:{copy}',
        '--binlog-format=ROW',
    )


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(('127.0.0.1', 0))
        return [each.getsockname()[1] for each in sockets]
