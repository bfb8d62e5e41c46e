"""Loops of TensorFlow 1, found in a graph by their nodes: Enter, Merge, Switch, LoopCond, NextIteration."""

from gru_tf.interchange.tensorflow.graph.file import Graph
from gru_tf.interchange.tensorflow.graph.limits import UnfollowedError


class Loop:
    """A loop of TensorFlow 1: its condition, and merge → where it enters and the node of its next value."""

    def __init__(self) -> None:
        self.condition = ""
        self.variables: dict[str, tuple[str, str]] = {}


def loops_of(graph: Graph) -> dict[str, Loop]:
    """Frame → loop, of all of a graph."""
    loops: dict[str, Loop] = {}
    frames: dict[str, str] = {}  # merge → frame
    for node in graph.nodes.values():
        kinds = [graph.nodes[name].op if name in graph.nodes else "" for name in graph.inputs(node.name)]
        if node.op in ("Merge", "RefMerge") and len(kinds) == 2 and "NextIteration" in kinds[1]:
            enter, following = graph.inputs(node.name)
            if enter not in graph.nodes or not graph.nodes[following].input:
                raise UnfollowedError(f"{node.name} ({node.op}): a loop without its first or next value")
            frame = graph.nodes[enter].attr["frame_name"].s.decode(errors="replace")
            frames[node.name] = frame
            loops.setdefault(frame, Loop()).variables[node.name] = (enter, graph.nodes[following].input[0])
    for node in graph.nodes.values():
        if node.op in ("Switch", "RefSwitch") and len(node.input) >= 2:
            merge, condition = [*graph.inputs(node.name), "", ""][:2]
            if merge in frames and condition in graph.nodes and graph.nodes[condition].op == "LoopCond":
                loops[frames[merge]].condition = condition
    return loops
