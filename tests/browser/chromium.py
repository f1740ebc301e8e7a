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

"""Chromium without a window, spoken to through a pair of pipes.

The DevTools protocol over pipes needs no driver, port or library, so that
what Debian packages is enough: requests go to file descriptor 3 of the
browser, answers and events come from 4, each one JSON and a NUL byte.
"""

import base64
import json
import os
import select
import shutil
import signal
import subprocess
import time
from typing import Any

import fixtures

_NAMES = ('chromium', 'chromium-browser', 'google-chrome')
_TIMEOUT_SECONDS = 90
# The descriptors that Python has are not 3 and 4.
_SHELL = 'exec "$@" 3<&"$REQUESTS" 4>&"$ANSWERS"'
_OPTIONS = (
    '--headless',
    # There is no other user to change to in a container; what is shown was
    # made by the test.
    '--no-sandbox',
    '--disable-gpu',
    '--disable-dev-shm-usage',
    '--disable-background-networking',
    '--hide-scrollbars',
    '--no-first-run',
    '--remote-debugging-pipe',
)


def found() -> str | None:
    """Give the path of the browser, if there is one."""
    return next(filter(None, map(shutil.which, _NAMES)), None)


class Chromium(fixtures.Fixture):
    """One page in a browser of its own.

    :ivar complaints: what the page, or the browser about it, has logged
    :ivar requests: URLs of all that was fetched
    """

    def __init__(self) -> None:
        self.complaints: list[Any] = []
        self.requests: list[str] = []
        self._loaded: set[str] = set()
        self._number = 0
        self._received = b''
        self._session = ''

    def _setUp(self) -> None:
        profile = self.useFixture(fixtures.TempDir()).path
        requests, self._to = os.pipe()
        self._from, answers = os.pipe()
        browser = found()
        assert browser is not None
        self._process = subprocess.Popen(
            [
                *('sh', '-c', _SHELL, 'sh', browser),
                *_OPTIONS,
                f'--user-data-dir={profile}',
                'about:blank',
            ],
            env={
                **os.environ,
                'REQUESTS': str(requests),
                'ANSWERS': str(answers),
                # It leaves a directory there when it is killed.
                'TMPDIR': profile,
            },
            pass_fds=(requests, answers),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.addCleanup(self._stop)
        os.close(requests)
        os.close(answers)
        target = self._call('Target.createTarget', url='about:blank')
        self._session = self._call(
            'Target.attachToTarget', targetId=target['targetId'], flatten=True
        )['sessionId']
        for domain in ('Page', 'Runtime', 'Log', 'Network'):
            self._call(f'{domain}.enable')
        self._call('Page.setLifecycleEventsEnabled', enabled=True)

    def _stop(self) -> None:
        os.close(self._to)
        os.close(self._from)
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def resize(self, width: int, height: int = 900) -> None:
        """Change the size of the window."""
        self._call(
            'Emulation.setDeviceMetricsOverride',
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def prefer(self, scheme: str) -> None:
        """Have the user prefer 'light' or 'dark'."""
        self._call(
            'Emulation.setEmulatedMedia',
            features=[{'name': 'prefers-color-scheme', 'value': scheme}],
        )

    def open(self, path: str) -> None:
        """Open a file and wait until it is shown."""
        loader = self._call('Page.navigate', url=f'file://{path}')['loaderId']
        # Of the empty page before it the same may still be told.
        if loader not in self._loaded:
            self._wait(lambda message: loader in self._loaded)

    def evaluate(self, expression: str) -> Any:
        """Run JavaScript in the page; give its value."""
        answer = self._call(
            'Runtime.evaluate', expression=expression, returnByValue=True
        )
        if 'exceptionDetails' in answer:
            raise AssertionError(answer['exceptionDetails'])
        return answer['result'].get('value')

    def screenshot(self) -> bytes:
        """Give what the window shows, as PNG."""
        answer = self._call('Page.captureScreenshot')
        return base64.b64decode(answer['data'])

    def _call(self, method: str, **parameters: Any) -> Any:
        self._number += 1
        number = self._number
        request = {'id': number, 'method': method, 'params': parameters}
        if self._session:
            request['sessionId'] = self._session
        os.write(self._to, json.dumps(request).encode() + b'\0')
        answer = self._wait(lambda message: message.get('id') == number)
        if 'error' in answer:
            raise AssertionError(f'{method}: {answer["error"]}')
        return answer['result']

    def _wait(self, wanted: Any) -> Any:
        deadline = time.monotonic() + _TIMEOUT_SECONDS
        while True:
            message = self._next(deadline)
            self._note(message)
            if wanted(message):
                return message

    def _next(self, deadline: float) -> Any:
        while b'\0' not in self._received:
            left = max(0.0, deadline - time.monotonic())
            if not select.select([self._from], [], [], left)[0]:
                raise AssertionError('the browser does not answer')
            chunk = os.read(self._from, 1 << 20)
            if not chunk:
                raise AssertionError('the browser has gone')
            self._received += chunk
        text, _, self._received = self._received.partition(b'\0')
        return json.loads(text)

    def _note(self, message: Any) -> None:
        method = message.get('method')
        if method in _COMPLAINTS:
            self.complaints.append(message['params'])
        if method == 'Network.requestWillBeSent':
            self.requests.append(message['params']['request']['url'])
        if method == 'Page.lifecycleEvent':
            event = message['params']
            if event['name'] == 'load':
                self._loaded.add(event['loaderId'])


_COMPLAINTS = frozenset(
    (
        'Log.entryAdded',
        'Runtime.consoleAPICalled',
        'Runtime.exceptionThrown',
        'Page.javascriptDialogOpening',
    )
)
