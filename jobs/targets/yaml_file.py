"""The inventory as a YAML file: a list of targets, or a mapping with that list as `targets`."""

from __future__ import annotations

from pathlib import Path

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from core.errors import RepriseError
from jobs.models import Target
from jobs.targets.validation import Entry, find_problem

SHOWN = 10
MOST_BYTES = 16 * 1024 * 1024  # ten thousand targets with more than a kilobyte each
#: Values in a target with its aliases written out, and how deep they may be nested.
MOST_VALUES, MOST_NESTING = 10_000, 64


class BadInventory(RepriseError):
    """The file is no inventory; the message names the lines."""


def read_file(path: Path) -> list[Target]:
    """Return the targets of a file; BadInventory, naming line and target of whatever is wrong."""
    try:
        loader = yaml.SafeLoader(_read_text(path))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadInventory(f"{path}: {error}") from error
    try:
        items = _find_items(loader.get_single_node())
        return _load_targets(loader, items)
    except yaml.YAMLError as error:
        raise BadInventory(f"{path}: {_error_place(error)}") from error
    except RecursionError as error:
        raise BadInventory(f"{path}: it is nested too deeply") from error
    except BadInventory as error:
        raise BadInventory(f"{path}: {error.message}") from error
    finally:
        loader.dispose()


def _read_text(path: Path) -> str:
    with path.open("rb") as file:
        raw = file.read(MOST_BYTES + 1)
    if len(raw) > MOST_BYTES:
        raise BadInventory(f"{path}: it is larger than {MOST_BYTES // 1024**2} MiB")
    return raw.decode()


def _find_items(root: yaml.Node | None) -> list[yaml.Node]:
    if isinstance(root, yaml.MappingNode):
        for key, value in root.value:
            if key.value != "targets":
                raise BadInventory(
                    f"line {_node_line(key)}: {key.value} is not known here, only targets"
                )
            root = value
    if root is None or (isinstance(root, yaml.ScalarNode) and not root.value):
        return []
    if not isinstance(root, yaml.SequenceNode):
        raise BadInventory(f"line {_node_line(root)}: a list of targets is expected")
    items: list[yaml.Node] = root.value
    return items


def _load_targets(loader: yaml.SafeLoader, items: list[yaml.Node]) -> list[Target]:
    errors, found, lines = [], list[Target](), dict[str, int]()
    for node in items:
        try:
            target = _load_target(loader, node)
            if target.name in lines:
                raise BadInventory(f"{target.name} is there already, on line {lines[target.name]}")
            lines[target.name] = _node_line(node)
            found.append(target)
        except BadInventory as error:
            errors.append(f"line {_node_line(node)}: {error.message}")
    if errors:
        more = [f"and {len(errors) - SHOWN} more"] if len(errors) > SHOWN else []
        raise BadInventory("\n".join([*errors[:SHOWN], *more]))
    return found


def _load_target(loader: yaml.SafeLoader, node: yaml.Node) -> Target:
    if not isinstance(node, yaml.MappingNode):
        raise BadInventory("a target is a mapping: name, group, labels, …")
    _check_size(node)
    keys = [key.value for key, _value in node.value]
    if twice := {key for key in keys if keys.count(key) > 1}:
        raise BadInventory(f"{', '.join(sorted(twice))} is given twice")
    raw = loader.construct_object(node, deep=True)
    called = f"target {raw['name']}: " if isinstance(raw.get("name"), str) else ""
    try:
        target = Entry.model_validate(raw).target()
    except ValidationError as error:
        raise BadInventory(called + "; ".join(map(_error_text, error.errors()))) from error
    if wrong := find_problem(target):
        raise BadInventory(f"{called}{wrong[0]}: {wrong[1]}")
    return target


def _check_size(node: yaml.Node) -> None:
    """Refuse a node that is small in the file and large with its aliases written out."""
    sizes: dict[int, int] = {}

    def size_of(one: yaml.Node, depth: int) -> int:
        if depth > MOST_NESTING:  # also where an alias is within its own anchor
            raise BadInventory(f"it is nested more than {MOST_NESTING} deep")
        if id(one) not in sizes:
            parts = [] if isinstance(one, yaml.ScalarNode) else one.value
            if isinstance(one, yaml.MappingNode):
                parts = [part for pair in parts for part in pair]
            sizes[id(one)] = 1 + sum(size_of(part, depth + 1) for part in parts)
        return sizes[id(one)]

    if size_of(node, 1) > MOST_VALUES:
        raise BadInventory(f"it has more than {MOST_VALUES:,} values, aliases written out")


def _error_text(error: ErrorDetails) -> str:
    where = ".".join(map(str, error["loc"]))
    hint = " (quote it)" if error["type"] == "string_type" and error["input"] is not None else ""
    return f"{where}: {error['msg']}{hint}"


def _node_line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _error_place(error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"line {error.problem_mark.line + 1}: {error.problem}"
    return str(error)
