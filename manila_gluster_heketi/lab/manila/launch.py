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
"""How the process of an all-in-one Manila is started."""

import dataclasses
import os
import pathlib
import shutil
import subprocess

from manila_gluster_heketi.lab.manila import configuration

_MODULE = 'manila_gluster_heketi.lab.manila.process'
_NAMESPACES = pathlib.Path('/run/netns')


def with_absolute_paths(
    spec: configuration.ManilaSpec,
) -> configuration.ManilaSpec:
    """Name everything so that it is found from anywhere."""
    # The process has another working directory than we have. Links stay: an
    # interpreter finds its virtual environment by the path it is called by.
    python = shutil.which(spec.python) or spec.python
    return dataclasses.replace(
        spec,
        directory=spec.directory.absolute(),
        python=pathlib.Path(python).absolute(),
        python_path=tuple(each.absolute() for each in spec.python_path),
    )


def argv(spec: configuration.ManilaSpec) -> list[str]:
    """Command that is all of Manila, in its network namespace.

    :raises LabManilaFailed: the namespace is not there
    """
    files = configuration.Files(spec.directory)
    words = [str(spec.python), '-m', _MODULE]
    words += ['--config-file', str(files.configuration)]
    words += ['--ready-file', str(files.ready)]
    words += ['--address', spec.address, '--port', str(spec.port)]
    if spec.namespace is None:
        return words
    namespace = _NAMESPACES / spec.namespace
    if not namespace.exists():
        raise files.failed(f'no network namespace {spec.namespace!r}')
    # Unlike "ip netns exec" this keeps our mounts, /etc and /sys included.
    return ['nsenter', f'--net={namespace}', '--', *words]


def environment(spec: configuration.ManilaSpec) -> dict[str, str]:
    """Our own environment, with the import path that was asked for."""
    variables = dict(os.environ)
    inherited = variables.get('PYTHONPATH', '').split(os.pathsep)
    path = [*map(str, spec.python_path), *filter(None, inherited)]
    variables['PYTHONPATH'] = os.pathsep.join(map(os.path.abspath, path))
    return variables


def version(spec: configuration.ManilaSpec) -> str:
    """Version of Manila in that interpreter.

    :raises LabManilaFailed: it lacks Manila or this package, or is none
    """
    files = configuration.Files(spec.directory)
    try:
        done = subprocess.run(
            [str(spec.python), '-m', _MODULE, '--version'],
            # Not where a checkout would be found by chance.
            cwd='/',
            env=environment(spec),
            capture_output=True,
            text=True,
        )
    except OSError as error:
        raise files.failed(f'{spec.python}: {error.strerror}') from error
    if done.returncode:
        raise files.failed(
            f'{spec.python} can not run it: {done.stderr.strip()}'
        )
    return done.stdout.strip()
