"""Draws docs/time-over-floor.svg from the latest `gru-tf speed` of a store: `python docs/time_over_floor.py [STORE]`."""

import sys
from pathlib import Path

from gru_tf.machine.speed import floor_figure, running

if __name__ == "__main__":
    floor_figure.draw(running.last(*sys.argv[1:2]), Path(__file__).with_name("time-over-floor.svg"))
