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

"""Start, stop and look at an all-in-one Manila."""

import dataclasses
import json
import pathlib
import shutil
import signal
import time
from collections.abc import Callable

from manila_gluster_heketi.lab.manila import background
from manila_gluster_heketi.lab.manila import configuration
from manila_gluster_heketi.lab.manila import launch

_POLL_SECONDS = 0.1
# The process itself gives its services 5 s to stop.
_STOP_SECONDS = 15.0
_TAIL_LINES = 12


@dataclasses.dataclass(frozen=True)
class Manila:
    """An all-in-one Manila as it is.

    :param process: None if it does not run
    :param endpoint: URL of the API
    :param namespace: network namespace in which the URL is valid
    :param version: of Manila
    """

    directory: pathlib.Path
    process: background.Process | None
    endpoint: str
    namespace: str | None
    version: str

    @property
    def log(self) -> pathlib.Path:
        """What Manila and the driver log."""
        return configuration.Files(self.directory).log

    @property
    def configuration(self) -> pathlib.Path:
        """The manila.conf that it reads."""
        return configuration.Files(self.directory).configuration


def up(
    spec: configuration.ManilaSpec, report: Callable[[str], None] = print
) -> Manila:
    """Start it, and wait until the API answers and the driver is set up.

    One that runs already with the same configuration is left alone.

    :param report: told the stages of starting
    :raises LabManilaFailed: it can't run, or ended, or took too long
    """
    spec = launch.with_absolute_paths(spec)
    files = configuration.Files(spec.directory)
    running = _already_up(spec, files)
    if running:
        report(f'Manila {running.version} is up already: {running.endpoint}')
        return running
    _refuse_strange_directory(files)
    manila = Manila(
        spec.directory,
        None,
        f'http://{spec.address}:{spec.port}/v2',
        spec.namespace,
        launch.version(spec),
    )
    try:
        configuration.write(spec)
        files.ready.unlink(missing_ok=True)
        if files.log.exists():
            # What an error shows of the log is then of this start.
            files.log.replace(files.log.with_suffix('.log.old'))
        process = background.spawn(
            launch.argv(spec),
            spec.directory,
            launch.environment(spec),
            files.console,
        )
    except OSError as error:
        raise files.failed(str(error)) from error
    manila = dataclasses.replace(manila, process=process)
    try:
        _write_record(files, manila)
        _wait_until_ready(spec, files, process, report)
    except BaseException:
        # Also on Ctrl-C: what nobody waits for must not stay.
        process.end(signal.SIGKILL, _STOP_SECONDS)
        files.record.unlink(missing_ok=True)
        raise
    report(f'Manila {manila.version} is up: {manila.endpoint}')
    return manila


def down(
    directory: pathlib.Path,
    purge: bool = False,
    report: Callable[[str], None] = print,
) -> None:
    """Stop it and wait until it is gone; nothing to do is no error.

    :param purge: remove the directory as well
    :raises LabManilaFailed: it can't be stopped, or the directory is not one
        of ours
    """
    files = configuration.Files(directory.absolute())
    manila = _read_record(files)
    if manila and manila.process:
        _stop(files, manila.process, report)
    else:
        report(f'no Manila runs in {files.directory}')
    for path in (files.record, files.ready):
        path.unlink(missing_ok=True)
    if purge and files.directory.exists():
        _refuse_strange_directory(files)
        shutil.rmtree(files.directory)
        report(f'{files.directory} removed')


def status(directory: pathlib.Path) -> Manila:
    """What is known of it, running or not.

    :raises LabManilaFailed: none was started there
    """
    files = configuration.Files(directory.absolute())
    manila = _read_record(files)
    if manila is None:
        raise files.failed('none was started there, or it was taken down')
    return manila


def environment(directory: pathlib.Path) -> dict[str, str]:
    """Variables that make ``openstack share`` use it.

    :raises LabManilaFailed: none runs there
    """
    manila = status(directory)
    if manila.process is None:
        raise configuration.Files(manila.directory).failed(
            'it does not run any more'
        )
    return {'OS_AUTH_TYPE': 'none', 'OS_ENDPOINT': manila.endpoint}


def _already_up(
    spec: configuration.ManilaSpec, files: configuration.Files
) -> Manila | None:
    manila = _read_record(files)
    if manila is None or manila.process is None:
        return None
    same = (
        manila.endpoint == f'http://{spec.address}:{spec.port}/v2'
        and manila.namespace == spec.namespace
        and files.configuration.read_text() == configuration.render(spec)
    )
    if not same:
        raise files.failed(
            f'process {manila.process.pid} runs there with another '
            'configuration; take it down first',
        )
    return manila


def _refuse_strange_directory(files: configuration.Files) -> None:
    """Never mix with, and above all never remove, what is not ours."""
    if not files.directory.exists() or files.paste.exists():
        return
    if any(files.directory.iterdir()):
        raise files.failed('the directory holds something else')


def _wait_until_ready(
    spec: configuration.ManilaSpec,
    files: configuration.Files,
    process: background.Process,
    report: Callable[[str], None],
) -> None:
    end = time.monotonic() + spec.ready_seconds
    told = 0
    while True:
        ready, alive = files.ready.exists(), process.is_alive()
        stages = _stages(files)
        for stage in stages[told:]:
            report(stage)
        told = len(stages)
        if ready:
            return
        if not alive:
            raise files.failed(f'it ended while starting:\n{_tail(files)}')
        if time.monotonic() > end:
            raise files.failed(
                f'not ready after {spec.ready_seconds:g} s:\n{_tail(files)}',
            )
        time.sleep(_POLL_SECONDS)


def _stages(files: configuration.Files) -> list[str]:
    lines = files.console.read_text(errors='replace').splitlines(True)
    return [e[2:-1] for e in lines if e.startswith('* ') and e[-1] == '\n']


def _tail(files: configuration.Files) -> str:
    """The end of what it printed, stages left out, and of what it logged."""
    tail = []
    for path in (files.console, files.log):
        if path.exists():
            lines = path.read_text(errors='replace').splitlines()
            lines = [each for each in lines if not each.startswith('* ')]
            tail += lines[-_TAIL_LINES:]
    return '\n'.join(tail)


def _stop(
    files: configuration.Files,
    process: background.Process,
    report: Callable[[str], None],
) -> None:
    if process.end(signal.SIGTERM, _STOP_SECONDS):
        report(f'process {process.pid} has ended')
    elif process.end(signal.SIGKILL, _STOP_SECONDS):
        report(f'process {process.pid} did not end, and was killed')
    else:
        raise files.failed(f'process {process.pid} can not be killed')


def _write_record(files: configuration.Files, manila: Manila) -> None:
    record = dataclasses.asdict(manila)
    del record['directory']
    configuration.write_whole(files.record, json.dumps(record, indent=2))


def _read_record(files: configuration.Files) -> Manila | None:
    """The record, without its process if that is gone; None without one."""
    try:
        record = json.loads(files.record.read_text())
    except FileNotFoundError:
        return None
    process = background.Process(**record.pop('process'))
    return Manila(
        directory=files.directory,
        process=process if process.is_alive() else None,
        **record,
    )
