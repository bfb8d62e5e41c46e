"""Figures of diagnostics: gates over time, gradient against lag, saturation; each function returns a matplotlib `Figure`.

They take arrays or lists, from `gru_tf.training.diagnostics` or from the record of a run alike.
"""

from gru_tf.training.diagnostics.figures.gates import draw_gates as draw_gates
from gru_tf.training.diagnostics.figures.gradients import draw_gradients as draw_gradients
from gru_tf.training.diagnostics.figures.saturation import draw_saturation as draw_saturation
