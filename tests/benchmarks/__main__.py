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

"""Runs all benchmarks, one after the other: ``python -m tests.benchmarks``.

Each is a module that can be run by itself as well. Those that need a lab are
left to ``tools/bench``.
"""

import pkgutil
import runpy

from tests import benchmarks

_IN_LAB = ('gluster_', 'lab_', 'quota_')


def main() -> None:
    """Run the modules beside this one."""
    for module in pkgutil.iter_modules(benchmarks.__path__):
        if module.name.startswith(('_', *_IN_LAB)):
            continue
        print(f'== {module.name}', flush=True)
        runpy.run_module(
            f'{benchmarks.__name__}.{module.name}', run_name='__main__'
        )


if __name__ == '__main__':
    main()
