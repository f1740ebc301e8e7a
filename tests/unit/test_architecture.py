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

"""Tests of the shape of the code: its limits are kept here, not by memory."""

import ast
import importlib.metadata
import pathlib
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator

from tests import base

ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKAGE = ROOT / 'manila_gluster_heketi'
DISTRIBUTION = 'manila-gluster-heketi'

MODULE_LINES = 450
MEDIAN_LINES = 150
FUNCTION_LINES = 60
# What is called so takes in everything that has no better home.
FORBIDDEN_NAMES = frozenset(('common', 'helper', 'manager', 'utils'))
# Manila is going to remove these.
DEPRECATED = 'manila.share.drivers.glusterfs'
MACHINE_PATH = re.compile(r'(?<![\w.}])/(?:home|Users|work|workspace)/\w')

Function = ast.FunctionDef | ast.AsyncFunctionDef


def _files() -> list[pathlib.Path]:
    """Return what belongs to the project: what git tracks, or would."""
    names = subprocess.run(
        ['git', 'ls-files', '-co', '--exclude-standard', '-z'],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    ).stdout.split('\0')
    if names == ['']:
        # An unpacked archive is no git repository.
        names = [
            str(path.relative_to(ROOT))
            for directory in ('manila_gluster_heketi', 'tests', 'doc/source')
            for path in (ROOT / directory).rglob('*')
            if '__pycache__' not in path.parts
        ]
    # A file that is deleted but not yet committed is still listed.
    return sorted(ROOT / name for name in names if (ROOT / name).is_file())


def _name(path: pathlib.Path) -> str:
    return str(path.relative_to(ROOT))


def _lines(path: pathlib.Path) -> int:
    return len(path.read_text().splitlines())


def _functions(tree: ast.AST) -> Iterator[Function]:
    for node in ast.walk(tree):
        if isinstance(node, Function):
            yield node


def _imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f'{node.module}.{alias.name}' for alias in node.names)


class ArchitectureTestCase(base.TestCase):
    """Limits that the whole repository keeps."""

    # git lists the files, and the import linter is a program.
    allow_processes = True
    # Manila asks for this host's address when it is imported.
    allow_sockets = True

    def setUp(self) -> None:
        """Find the project's files."""
        super().setUp()
        self.files = _files()
        self.python = [path for path in self.files if path.suffix == '.py']
        self.modules = [
            path for path in self.python if PACKAGE in path.parents
        ]
        self.trees = {
            _name(path): ast.parse(path.read_text()) for path in self.modules
        }

    def _assert_none(self, offenders: list[str], rule: str) -> None:
        self.assertEqual([], offenders, f'{rule}:\n' + '\n'.join(offenders))

    def test_modules_can_be_read_at_a_sitting(self) -> None:
        """No module is long; most are short."""
        lines = {path: _lines(path) for path in self.modules}
        self._assert_none(
            [
                f'{_name(path)}: {count}'
                for path, count in lines.items()
                if count > MODULE_LINES
            ],
            f'no module has over {MODULE_LINES} lines; divide it',
        )
        self.assertLess(statistics.median(lines.values()), MEDIAN_LINES)

    def test_functions_do_one_thing(self) -> None:
        """No function is long."""
        self._assert_none(
            [
                f'{name}:{node.lineno} {node.name}'
                for name, tree in self.trees.items()
                for node in _functions(tree)
                if node.end_lineno is not None
                and node.end_lineno - node.lineno + 1 > FUNCTION_LINES
            ],
            f'no function has over {FUNCTION_LINES} lines; divide it',
        )

    def test_names_say_what_is_inside(self) -> None:
        """No drawer for everything."""
        self._assert_none(
            [
                _name(path)
                for path in self.python
                if FORBIDDEN_NAMES
                & set(re.split(r'[/_.]', _name(path).removesuffix('.py')))
            ],
            'name modules after what they hold',
        )

    def test_licence_is_named_in_each_file(self) -> None:
        """Each Python file starts with the notice."""
        first = '# Licensed under the Apache License, Version 2.0'
        self._assert_none(
            [
                _name(path)
                for path in self.python
                if first not in path.read_text()[:400]
            ],
            'start the file with the Apache notice',
        )

    def test_public_names_are_described(self) -> None:
        """Modules, classes and functions have docstrings."""
        missing = []
        for name, tree in self.trees.items():
            if not ast.get_docstring(tree) and tree.body:
                missing.append(name)
            missing += [
                f'{name}:{node.lineno} {node.name}'
                for node in tree.body
                if isinstance(node, Function | ast.ClassDef)
                and not node.name.startswith('_')
                and not ast.get_docstring(node)
            ]
        self._assert_none(missing, 'say what it is for in a docstring')

    def test_no_path_of_the_machine_it_was_written_on(self) -> None:
        """The project works wherever it is put."""
        offenders = []
        for path in self.files:
            text = path.read_text(errors='replace')
            if str(ROOT) in text or MACHINE_PATH.search(text):
                offenders.append(_name(path))
        self._assert_none(offenders, 'do not name paths of one machine')

    def test_no_import_of_deprecated_manila_drivers(self) -> None:
        """What Manila removes cannot break us."""
        self._assert_none(
            [
                f'{name} {imported}'
                for name, tree in self.trees.items()
                for imported in _imports(tree)
                if imported.startswith(DEPRECATED)
            ],
            f'{DEPRECATED} will go',
        )

    def test_imports_go_one_way(self) -> None:
        """The contracts in pyproject.toml hold."""
        linter = pathlib.Path(sys.executable).parent / 'lint-imports'
        done = subprocess.run(
            [str(linter), '--no-cache'],
            cwd=ROOT,
            check=False,
            capture_output=True,
            text=True,
        )
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)

    def test_each_entry_point_loads(self) -> None:
        """setup.cfg names nothing that is not there."""
        entry_points = importlib.metadata.distribution(
            DISTRIBUTION
        ).entry_points
        self.assertTrue(entry_points)
        for entry_point in entry_points:
            with self.subTest(entry_point.value):
                entry_point.load()

    def test_each_test_directory_is_a_package(self) -> None:
        """A directory without __init__.py would never be run."""
        self._assert_none(
            [
                _name(path)
                for path in self.python
                if (ROOT / 'tests') in path.parents
                and not (path.parent / '__init__.py').exists()
            ],
            'add __init__.py beside it',
        )
