"""YAML text as plain values and back: each key once, and mistakes by line and column."""

from __future__ import annotations

from typing import Any

import yaml

from translate.errors import UserError


def tree_of(text: str, where: str) -> dict[str, Any]:
    """YAML text as plain values; raises UserError where it is none, or no mapping."""
    try:
        tree = yaml.load(text, _EachKeyOnce)
    except _TwiceError as error:
        raise UserError(str(error.problem), where=f"{where}:{_line(error.problem_mark)}") from None
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date with a 13th month
        raise _no_yaml(error, where) from None
    tree = {} if tree is None else tree
    if not isinstance(tree, dict):
        raise UserError(f"holds {type(tree).__name__}, not keys", where=where, expected="lines such as `training:`")
    return tree


def dumped(values: dict[str, Any]) -> str:
    """Plain values as the YAML of a configuration."""
    return yaml.safe_dump(values, sort_keys=False, default_flow_style=None, width=110)


class _TwiceError(yaml.MarkedYAMLError):
    """A key that its mapping has already."""


class _EachKeyOnce(yaml.SafeLoader):
    """YAML in which no key of a mapping silently replaces another; what is merged (<<) may be."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        lines: dict[tuple[str, str], int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == "tag:yaml.org,2002:merge":
                continue
            if before := lines.get((key.tag, key.value)):
                problem = f'"{key.value}" is there already, in line {before}'
                raise _TwiceError(problem=problem, problem_mark=key.start_mark)
            lines[key.tag, key.value] = _line(key.start_mark)
        return node


def _line(mark: yaml.Mark | None) -> int:
    return mark.line + 1 if mark else 1


def _no_yaml(error: Exception, where: str) -> UserError:
    problem = str(getattr(error, "problem", None) or getattr(error, "reason", None) or error)
    problem = (
        problem.removeprefix("but ")
        .replace("'<stream end>'", "the end of the file")
        .replace("of stream", "of the file")
    )
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        mark, begun = error.problem_mark, error.context_mark
        where = f"{where}:{mark.line + 1}:{mark.column + 1}"
        problem += f", in what begins in line {_line(begun)}" if begun and begun.line != mark.line else ""
    hint = 'put text with special characters in quotes, as in key: "text"; `translate show PRESET` prints a pattern'
    return UserError(f"is not YAML: {problem}", where=where, hint=hint)
