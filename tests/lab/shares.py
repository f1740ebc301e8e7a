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

"""Manila's shares over HTTP: what tests ask for, and what becomes of it."""

import logging
import time
from collections.abc import Callable
from typing import Any

import requests

# Each question for a status would be some lines in a test's log.
logging.getLogger('urllib3').setLevel(logging.WARNING)

_MICROVERSION = '2.65'
# From 2024.1 on users see what drivers say of export locations.
_WITH_METADATA = '2.87'
_CALL_SECONDS = 60
_POLL_SECONDS = 0.2
# Nothing takes so long but a test that fails.
_WAIT_SECONDS = 240


class Shares:
    """A client of one Manila that asks nobody who they are.

    :param endpoint: URL of the API, with its version
    """

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._session = requests.Session()
        self._session.headers['X-Auth-Token'] = 'tester:testers'
        self._session.headers['X-Openstack-Manila-Api-Version'] = _MICROVERSION

    def call(self, method: str, path: str, **body: Any) -> Any:
        """Call the API; give the answer's body.

        :raises requests.HTTPError: it was refused
        """
        answer = self._session.request(
            method,
            f'{self._endpoint}/{path}',
            json=body or None,
            timeout=_CALL_SECONDS,
        )
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def create_type(self, name: str, **extra_specs: str) -> None:
        """Make a share type with extra specs of our scope."""
        self.call(
            'POST',
            'types',
            share_type={
                'name': name,
                'extra_specs': {
                    'driver_handles_share_servers': 'False',
                    **{
                        f'gluster_heketi:{key}': value
                        for key, value in extra_specs.items()
                    },
                },
            },
        )

    def create(
        self,
        size: int = 1,
        share_type: str = 'gluster',
        wanted: str = 'available',
    ) -> str:
        """Create a share, wait for what becomes of it, and give its id."""
        share = self.call(
            'POST',
            'shares',
            share={
                'share_proto': 'GLUSTERFS',
                'size': size,
                'share_type': share_type,
            },
        )['share']
        self.wait_for(share['id'], wanted)
        return str(share['id'])

    def show(self, share: str) -> dict[str, Any]:
        """Show a share."""
        shown: dict[str, Any] = self.call('GET', f'shares/{share}')['share']
        return shown

    def wait_for(self, share: str, wanted: str) -> None:
        """Wait for a status, and for no other."""
        until(
            lambda: self.show(share)['status'],
            lambda status: not status.endswith('ing'),
        )
        status = self.show(share)['status']
        if status != wanted:
            raise AssertionError(
                f'share {share} is {status}, not {wanted}: {self.messages()}'
            )

    def location(self, share: str) -> dict[str, Any]:
        """Give the one export location of a share."""
        [found] = self.call('GET', f'shares/{share}/export_locations')[
            'export_locations'
        ]
        shown: dict[str, Any] = self.call(
            'GET', f'shares/{share}/export_locations/{found["id"]}'
        )['export_location']
        return shown

    def location_metadata(self, share: str) -> dict[str, str]:
        """Give what is said of the one export location of a share."""
        path = f'export_locations/{self.location(share)["id"]}'
        answer = self._session.get(
            f'{self._endpoint}/shares/{share}/{path}',
            headers={'X-Openstack-Manila-Api-Version': _WITH_METADATA},
            timeout=_CALL_SECONDS,
        )
        answer.raise_for_status()
        shown: dict[str, str] = answer.json()['export_location']['metadata']
        return shown

    def act(self, share: str, **action: Any) -> Any:
        """Ask for an action on a share."""
        return self.call('POST', f'shares/{share}/action', **action)

    def resize(self, share: str, size: int) -> None:
        """Extend or shrink a share; wait until it is available again."""
        larger = size > self.show(share)['size']
        self.act(
            share, **{'extend' if larger else 'shrink': {'new_size': size}}
        )
        self.wait_for(share, 'available')

    def delete(self, share: str) -> None:
        """Delete a share and wait until it is gone."""
        self.call('DELETE', f'shares/{share}')
        until(lambda: self._exists(share), lambda there: not there)

    def allow(
        self,
        share: str,
        name: str,
        kind: str = 'cert',
        level: str = 'rw',
        wanted: str = 'active',
    ) -> str:
        """Make an access rule, wait for its state, and give its id."""
        rule = self.act(
            share,
            allow_access={
                'access_type': kind,
                'access_to': name,
                'access_level': level,
            },
        )['access']['id']
        state = until(
            lambda: self.rule_state(rule),
            lambda state: state in ('active', 'error'),
        )
        if state != wanted:
            raise AssertionError(f'rule for {name!r} is {state}: {wanted}')
        return str(rule)

    def deny(self, share: str, rule: str) -> None:
        """Take an access rule away and wait until it is gone."""
        self.act(share, deny_access={'access_id': rule})
        until(lambda: self.rule_state(rule), lambda state: not state)

    def rules(self, share: str) -> dict[str, str]:
        """Give the states of the access rules by their ids."""
        listed = self.call('GET', f'share-access-rules?share_id={share}')
        return {each['id']: each['state'] for each in listed['access_list']}

    def rule_state(self, rule: str) -> str:
        """Give the state of an access rule; '' if there is none."""
        try:
            shown = self.call('GET', f'share-access-rules/{rule}')
        except requests.HTTPError as error:
            if error.response.status_code != 404:
                raise
            return ''
        return str(shown['access']['state'])

    def messages(self) -> list[str]:
        """List what Manila tells its users about failures."""
        listed = self.call('GET', 'messages')['messages']
        return [each['user_message'] for each in listed]

    def _exists(self, share: str) -> bool:
        try:
            status = self.show(share)['status']
        except requests.HTTPError as error:
            if error.response.status_code != 404:
                raise
            return False
        if status == 'error_deleting':
            raise AssertionError(f'share {share}: {status}')
        return True


def until(
    ask: Callable[[], Any],
    enough: Callable[[Any], bool],
    seconds: float = _WAIT_SECONDS,
) -> Any:
    """Ask again and again until the answer is one to go on with."""
    end = time.monotonic() + seconds
    while not enough(answer := ask()):
        if time.monotonic() > end:
            raise AssertionError(f'still {answer!r} after {seconds:g} s')
        time.sleep(_POLL_SECONDS)
    return answer
