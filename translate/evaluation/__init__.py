"""How good a run is, or anybody's outputs, beside what costs nothing to reach; the numbers carry their protocol."""

from translate.evaluation.examples import Row, examples
from translate.evaluation.folders import evaluate_folders
from translate.evaluation.result import Evaluation, Scored
from translate.evaluation.runs import evaluate
from translate.evaluation.scores import choose

__all__ = ["Evaluation", "Row", "Scored", "choose", "evaluate", "evaluate_folders", "examples"]
