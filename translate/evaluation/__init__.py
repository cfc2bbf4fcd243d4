"""How good a run is, or anybody's outputs, beside what costs nothing to reach; the numbers carry their protocol."""

from translate.evaluation.examples import Row, examples
from translate.evaluation.folders import evaluate_folders
from translate.evaluation.runs import evaluate
from translate.evaluation.scores import metrics

__all__ = ["Row", "evaluate", "evaluate_folders", "examples", "metrics"]
