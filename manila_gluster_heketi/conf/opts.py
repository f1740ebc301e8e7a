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

"""All options, from every module beside this one that is about options."""

import importlib
import itertools
import pkgutil
from types import ModuleType

from oslo_config import cfg

from manila_gluster_heketi import conf
from manila_gluster_heketi.conf import GROUP

# Every other module has options: a new one can't be forgotten here.
_WITHOUT_OPTIONS = frozenset({'choices', 'opts', 'settings'})


def _option_modules() -> list[ModuleType]:
    """Import the modules that have options.

    :raises RuntimeError: a module lacks ``list_opts``, so that its options
        would be missing everywhere
    """
    modules = []
    for found in pkgutil.iter_modules(conf.__path__):
        if found.name in _WITHOUT_OPTIONS:
            continue
        module = importlib.import_module(f'{conf.__name__}.{found.name}')
        if not callable(getattr(module, 'list_opts', None)):
            raise RuntimeError(f'{module.__name__} has no list_opts()')
        modules.append(module)
    return modules


def _all() -> list[cfg.Opt]:
    listed = itertools.chain.from_iterable(
        module.list_opts() for module in _option_modules()
    )
    return list(itertools.chain.from_iterable(opts for _, opts in listed))


#: Every option, as Manila's ``append_config_values`` takes them.
ALL: list[cfg.Opt] = _all()


def register_opts(config: cfg.ConfigOpts, group: str = GROUP) -> None:
    """Register all options in a section."""
    config.register_opts(ALL, group=group)


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    """List all options; the entry point of oslo-config-generator."""
    return [(GROUP, ALL)]
